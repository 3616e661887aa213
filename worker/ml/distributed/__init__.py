"""One training on several GPUs of a machine."""
