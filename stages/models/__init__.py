"""Models: checkpoints, training, running, inspection."""
