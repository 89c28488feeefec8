"""Metrics: values with units and intervals, limits, files."""
