"""Export of torch models: exporters, names, outputs, kernels."""
