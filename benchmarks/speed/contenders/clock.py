"""The options that every contender takes, and the moments between which its pace is measured."""

import argparse
import json
import os
from dataclasses import asdict
from typing import NoReturn

from proc_figures import Moment, Pace, moment, pace

#: Shares of the events between which the pace is taken: the start is not what is compared.
FIRST_SHARE, LAST_SHARE = 0.15, 0.98


def options() -> argparse.ArgumentParser:
    """Return a parser of what every contender is told."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bootstrap-servers", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--broker-pid", type=int, required=True)
    return parser


class Clock:
    """Takes the moments between which the pace is measured, of the process that it is made in."""

    def __init__(self, events: int, broker_pid: int) -> None:
        self.events = events
        self._broker_pid = broker_pid
        self._moments: list[Moment] = []
        self._due = [int(events * FIRST_SHARE), int(events * LAST_SHARE)]

    def is_over(self, seen: int) -> bool:
        """Say whether the last moment has been taken."""
        if self._due and seen >= self._due[0]:
            self._moments.append(moment(seen, os.getpid(), self._broker_pid))
            del self._due[0]
        return not self._due

    def tell(self) -> None:
        """Print what lies between the two moments."""
        print(json.dumps(asdict(self.pace())), flush=True)

    def tell_and_exit(self) -> NoReturn:
        """Print the pace and end the process: from within a framework whose own loop has no end."""
        self.tell()
        os._exit(0)

    def pace(self) -> Pace:
        """Return what lies between the two moments."""
        first, last = self._moments
        return pace(first, last)
