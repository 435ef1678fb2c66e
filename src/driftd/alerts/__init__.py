"""Alerting rules for Prometheus: what they are for a configuration, and how they are written."""
