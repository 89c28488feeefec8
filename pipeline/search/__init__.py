"""Search over the settings of a recipe: the space, the trials, and the front of the best ones."""
