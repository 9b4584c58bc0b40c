"""The generated C alone on an emulated core: no start-up code, port or framework of a board."""
