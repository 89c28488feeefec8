"""WHAT: one module per stage; pruning methods, models and datasets, one file each."""
