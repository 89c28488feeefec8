"""Writing of an artifact: pools of tensors, encoding, the writer; private to the project."""
