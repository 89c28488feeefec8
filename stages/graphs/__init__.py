"""ONNX models as sources: interface, weights, bounds of indices."""
