"""Summarise: batches of records to window parts. All work per event is here."""
