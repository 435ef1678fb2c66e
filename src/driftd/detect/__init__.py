"""Windows into verdicts: distances, river's detectors on every channel, the gross rule, effects. Pure."""
