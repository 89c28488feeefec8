"""Drawing: pictures as marks and tables, axes, and short numbers."""
