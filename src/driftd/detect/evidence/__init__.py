"""The evidence of a monitor against "no drift", and when it is enough to wake somebody (docs/statistics.md)."""
