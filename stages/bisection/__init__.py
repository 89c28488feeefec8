"""Bisection: the search for the first divergence of two programs."""
