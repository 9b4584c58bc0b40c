"""A folder of models, each held against the reference wherever it can run."""
