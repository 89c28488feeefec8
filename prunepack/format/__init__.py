"""The container format of an artifact, as `docs/format.md` specifies it."""
