"""The file format of an artifact, as ``docs/format.md`` specifies it; private to the project."""
