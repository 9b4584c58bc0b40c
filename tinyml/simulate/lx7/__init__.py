"""An emulated Xtensa LX7 core with the vector unit of the ESP32-S3; no package has this core."""
