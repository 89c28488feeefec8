"""Queue of a search: attempts at trials, and the workers that run them."""
