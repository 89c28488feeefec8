"""Mutation of exported models and data sets: random faults that some input shows."""
