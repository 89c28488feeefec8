"""Elements to bytes and back: element types, codecs, compressors; private to the project."""
