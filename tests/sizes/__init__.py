"""Flash and stack of each kernel, and what a change makes of them."""
