"""Tables of the built-in checks, one module per subject."""
