"""Passes of few samples through a graph, in place of one pass of a whole batch."""
