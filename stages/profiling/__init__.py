"""Profiling: latency, memory, operators."""
