"""Reading of an artifact: decoding, inspection, verification; private to the project.

Users import ``Artifact``, ``TensorRow`` and ``describe_tensors`` from ``prunepack``.
"""
