"""Differences between two models, tensor by tensor; private to the project."""
