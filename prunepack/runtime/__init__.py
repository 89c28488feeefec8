"""Weights for onnxruntime, handed over without a file."""
