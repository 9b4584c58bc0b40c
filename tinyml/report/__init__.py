"""What is known about a build, as JSON, tables and pages."""
