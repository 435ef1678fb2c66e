"""How fast ``driftd run`` is, what it takes, and what else one could run: ``make bench`` (__main__.py)."""
