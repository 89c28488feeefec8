"""Differences between two models, tensor by tensor."""
