"""Sessions of onnxruntime whose layers with sparse weights run on sparse kernels."""
