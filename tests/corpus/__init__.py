"""Models made from a seed, by the thousand, for ``tinyml conformance``."""
