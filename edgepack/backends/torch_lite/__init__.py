"""PyTorch Mobile files (.ptl): see `TorchLiteBackend`."""

from edgepack.backends.torch_lite.backend import TorchLiteBackend

backend = TorchLiteBackend()
"""What the entry point "torch_lite" gives."""
