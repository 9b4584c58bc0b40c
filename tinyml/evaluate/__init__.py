"""Samples, and whether outputs on them are right."""
