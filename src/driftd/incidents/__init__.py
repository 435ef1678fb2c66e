"""Incidents: from a page to its resolution, and the drift events that tell of it."""
