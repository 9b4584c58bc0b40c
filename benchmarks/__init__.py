"""Measures every model on emulated boards and sets the figures beside the recorded peers."""
