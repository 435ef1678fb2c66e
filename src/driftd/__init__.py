"""driftd: watches the events of models in production and pages when their data drift."""

from importlib.metadata import version

__version__ = version("driftd")
