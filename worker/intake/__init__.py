"""Imports that a worker does."""
