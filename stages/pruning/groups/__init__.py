"""Coupled channel groups: channels that several layers share, found, ranked and masked together."""
