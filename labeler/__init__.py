"""Labeler: several people label images, and a model learns from them while they work."""

__version__ = "0.1.0"
