"""Calibration and evaluation data: from files, folders and functions to arrays by name."""
