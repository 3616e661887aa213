"""The demo: images drawn here, people simulated here; all else runs through the code of real work."""
