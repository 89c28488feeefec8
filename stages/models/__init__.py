"""Models: checkpoints, running, inspection."""
