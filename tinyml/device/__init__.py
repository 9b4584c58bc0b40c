"""Talking to a board: links, frames, the agent client."""
