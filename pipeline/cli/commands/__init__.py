"""Commands of the command line; each module defines ``NAME_command``."""
