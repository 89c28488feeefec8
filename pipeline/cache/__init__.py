"""The cache of stage results: keys, code closure, store, history."""
