"""edgepack: one model in, a proven bundle for phones out."""

__version__ = "0.1.0"
