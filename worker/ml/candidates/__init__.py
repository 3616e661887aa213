"""The models that compete in a run, one file each, and what they are made of."""
