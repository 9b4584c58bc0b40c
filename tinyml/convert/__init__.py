"""From a trained float model to a .tflite that fits a microcontroller, with proof of the cost."""
