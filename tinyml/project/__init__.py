"""Plan to project to image: writes a project, builds it, tests what was linked."""
