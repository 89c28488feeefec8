"""Removal of dead channels and branches from a graph."""
