"""Engines, each a process that runs a model as often as it is told.

Those of other makers run in environments of their own, and import nothing of ``prunepack``.
"""
