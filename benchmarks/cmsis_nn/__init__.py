"""Kernels of CMSIS-NN set beside ours, from a folder that the user gives."""
