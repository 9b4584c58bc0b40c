"""Our kernels for the ESP32-S3 beside those of ESP-NN, on one emulated core."""
