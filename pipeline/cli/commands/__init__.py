"""The commands; each module defines ``command(name)``."""
