"""Predictions of a trained model: for a whole project, for a request that somebody waits for, for many files."""
