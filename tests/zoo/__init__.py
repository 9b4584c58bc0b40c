"""Small models of many kinds and many exporters, each converted, built, run and compared."""
