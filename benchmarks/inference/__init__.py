"""Benchmark of inference on sparse kernels: ``python -m benchmarks.inference``."""
