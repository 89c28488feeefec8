"""Programs that show a pair of ONNX files to another tool; run by that tool's own Python.

Each uses the tool as its documentation says, and changes nothing in how it compares or what it
does then.
"""
