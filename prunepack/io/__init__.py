"""Files, threads and progress: the ground floor of the artifact package, private to the project."""
