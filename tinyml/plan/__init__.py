"""From a graph to memory addresses: kernels chosen, live ranges, offsets, verification."""
