"""The values that all stages share: graph, fixed-point arithmetic, kernel calls."""
