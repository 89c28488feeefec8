"""Elements to bytes and back: element types, codecs, compressors."""
