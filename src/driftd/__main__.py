"""``python -m driftd``."""

from driftd.cli import main

main(prog_name="driftd")
