"""Engines of other makers, each a process that runs a model as often as it is told.

They run in environments of their own, and import nothing of ``prunepack``.
"""
