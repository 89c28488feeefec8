"""The comparison of runs as an HTML page: one file, without scripts and without network."""
