"""Provenance: statements about a release and their signatures."""
