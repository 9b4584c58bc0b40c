"""One importer per source format; each ends in a float .tflite."""
