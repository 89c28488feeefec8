"""Weights for an onnxruntime session, handed over without a file; private to the project."""
