"""Tables of the docs, each rendered from the results."""
