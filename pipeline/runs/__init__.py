"""Runs of recipes: their records, their files, and what differs between them."""
