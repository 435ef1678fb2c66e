"""Snapshots: bytes only. What they mean is the stages' business (to_state, from_state)."""
