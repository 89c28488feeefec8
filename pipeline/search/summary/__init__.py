"""Summary of a search: the front, its picture and its page."""
