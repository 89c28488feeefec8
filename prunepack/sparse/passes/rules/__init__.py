"""Rules by operator: whether its outputs keep the samples of a batch apart."""
