"""A trained model on disk: its file, how it scores, its ONNX form."""
