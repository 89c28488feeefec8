"""Files, threads and progress: what every room of the artifact stands on."""
