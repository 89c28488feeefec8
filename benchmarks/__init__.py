"""Measurements: each module writes ``results/NAME.json``; ``render`` puts them into the docs."""
