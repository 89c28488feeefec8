"""Tables for the docs, each made from one result."""
