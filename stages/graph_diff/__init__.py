"""Differences between two ONNX graphs: nodes, attributes and constants, whatever their names."""
