"""What a user works with from one command to the next: applications, builds, the tools at hand."""
