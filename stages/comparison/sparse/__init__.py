"""Comparison of a file in stock onnxruntime with the same file on sparse kernels."""
