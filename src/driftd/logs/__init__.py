"""Structured logs: one event, one line on stderr."""
