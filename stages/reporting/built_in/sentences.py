"""Reasons and remedies that several built-in checks share."""

from __future__ import annotations

__all__ = ["BISECT", "DEAD", "EMPTY", "EXPORT_AGAIN", "GIVE_SAMPLES", "PACK_AGAIN"]

BISECT = "Run prunepack bisect on the two forms to find the first node that differs"
DEAD = "Prune less, load the trained weights, or give samples in the range of the model's inputs"
EMPTY = "A comparison of nothing would pass whatever the model computes."
EXPORT_AGAIN = "Export the finalized model again, and verify that export"
GIVE_SAMPLES = "Give verify at least one sample: raise verify.random_samples or set verify.inputs"
PACK_AGAIN = "Pack the exported model again, and verify that artifact"
