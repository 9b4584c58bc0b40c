"""Running what was built, on a board or an emulated core, and what came out."""
