"""Observers of runs: experiment trackers, and code of the user."""
