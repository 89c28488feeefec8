"""Data: samples, downloads, datasets."""
