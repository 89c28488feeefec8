"""Programs that give a pair of ONNX files to another tool; that tool's own Python runs them.

Each uses the tool as its documentation says, and does not change its comparison or its reaction.
"""
