"""The runtime TensorFlow Lite Micro: what it accepts, what it needs, how it is driven."""
