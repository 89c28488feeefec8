"""Releases: publication, lineage, freshness, signatures."""
