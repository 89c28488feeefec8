"""Model files on the way in: ONNX and safetensors, read by their bytes."""
