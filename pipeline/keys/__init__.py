"""Keys of results: everything that can change their bytes, in one SHA-256."""
