"""Compaction: exact removal of the dead parts of an ONNX graph."""
