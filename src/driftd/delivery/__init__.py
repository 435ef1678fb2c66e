"""Carrying drift events out of the process: one courier a receiver, and webhooks."""
