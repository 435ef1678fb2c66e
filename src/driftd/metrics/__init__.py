"""Metrics: the catalogue of what is exported, filled from the newest picture of the daemon."""
