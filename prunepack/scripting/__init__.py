"""Calls for notebooks and scripts: a whole run, and stages on live modules."""
