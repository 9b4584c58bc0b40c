"""The .tflite format: files, reader, writer."""
