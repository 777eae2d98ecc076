"""TensorFlow Lite files (.tflite): see `TFLiteBackend`."""

from edgepack.backends.tflite.backend import TFLiteBackend

backend = TFLiteBackend()
"""What the entry point "tflite" gives."""
