"""Pictures of the report for its page in docs/."""
