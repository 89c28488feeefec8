"""Batches of inputs for a verification: random, stress and sample inputs."""
