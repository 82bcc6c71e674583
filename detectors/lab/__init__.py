"""Tiny models with exactly known members: ground truth for tests, for the demo and for power checks."""
