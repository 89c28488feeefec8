"""First recipe of a user: detected properties of a model file, and a commented recipe for it."""
