"""The report as an HTML page: one file, without scripts and without network."""
