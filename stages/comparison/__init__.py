"""Comparison of the forms of one model."""
