"""C sources from a plan."""
