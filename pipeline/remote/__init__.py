"""Remote copies of the store, in a shared folder or a bucket."""
