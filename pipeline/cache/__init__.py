"""The cache of stage results: store, locks, history."""
