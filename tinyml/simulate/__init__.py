"""The emulated board: core, memory map, peripherals, timing model."""
