"""onnxruntime: sessions, node placement, the host."""
