"""Record of the files, packages and environment variables that user code read."""
