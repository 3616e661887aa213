"""Networks in plain PyTorch, the registry of pretrained ones, and their features."""
