"""Sensitivity: the drop of the metric when one layer alone is pruned, and rules from it."""
