"""The report and its file formats."""
