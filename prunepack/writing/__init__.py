"""Writing an artifact: pools of tensors, encoding, the writer."""
