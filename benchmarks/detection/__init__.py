"""The acceptance table of the detectors: bars, measured values, intervals. Run by ``make bench-detection``."""
