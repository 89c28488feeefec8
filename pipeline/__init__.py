"""WHEN: the order of the stages, what is reused, and the command line."""
