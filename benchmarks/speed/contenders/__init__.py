"""What driftd is measured against: each a program of its own that prints its pace as JSON.

They are run as ``python -m speed.contenders.NAME`` with the options of ``clock.py``, each in the environment that
it needs. This file and ``clock.py`` need nothing but the standard library.
"""
