"""Training of models, masked or not: loop, loss, batches, score."""
