"""Merge: parts of all source partitions to closed windows. All waiting on event time is decided here."""
