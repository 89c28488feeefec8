"""Comparison of structure: the weights, the interface and the nodes of the forms."""
