"""Model files to be packed: ONNX and safetensors, read from their bytes, private to the project."""
