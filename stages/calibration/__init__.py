"""Use of calibration samples for pruning: norms of layer inputs, repair of weights."""
