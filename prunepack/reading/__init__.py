"""Reading an artifact: opening, decoding, inspection, verification."""
