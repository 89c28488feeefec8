"""WHEN: the order of the stages, the reuse of results, and the command line."""
