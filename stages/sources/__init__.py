"""Sources of models: factories, state dicts in files, and the masks that they hold."""
