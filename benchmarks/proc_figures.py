"""What Linux tells of processes and of the machine: CPU seconds, memory, load."""

import importlib.metadata
import os
import platform
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

_TICK = 1 / os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")
_PACKAGES = ("confluent-kafka", "orjson", "numpy", "river")
MB = 10**6


@dataclass(frozen=True, slots=True)
class Moment:
    """How far a contender was at a moment, and the CPU seconds used by then."""

    events: int
    at: float
    python_cpu: float  # of its threads that run Python
    client_cpu: float  # of librdkafka's threads
    broker_cpu: float
    machine_cpu: float  # of everything on the machine


@dataclass(frozen=True, slots=True)
class Pace:
    """What lies between two moments."""

    events: int
    seconds: float
    python_cpu: float
    client_cpu: float
    broker_cpu: float
    machine_cpu: float

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.events / self.seconds

    @property
    def cpu(self) -> float:
        """CPU seconds of the contender's process."""
        return self.python_cpu + self.client_cpu

    @property
    def cores_of_others(self) -> float:
        """Cores that neither the contender nor the broker kept busy, but somebody did."""
        return max(self.machine_cpu - self.cpu - self.broker_cpu, 0.0) / self.seconds

    def micros(self, cpu_seconds: float) -> float:
        """CPU microseconds per event."""
        return cpu_seconds / self.events * 1e6


def moment(events: int, pid: int, broker_pid: int) -> Moment:
    """Read the clocks now."""
    client, python = _cpu_by_kind(pid)
    return Moment(events, time.monotonic(), python, client, cpu_seconds(broker_pid), _machine_cpu_seconds())


def pace(first: Moment, last: Moment) -> Pace:
    """Return what happened from the first moment to the last."""
    return Pace(
        events=last.events - first.events,
        seconds=last.at - first.at,
        python_cpu=last.python_cpu - first.python_cpu,
        client_cpu=last.client_cpu - first.client_cpu,
        broker_cpu=last.broker_cpu - first.broker_cpu,
        machine_cpu=last.machine_cpu - first.machine_cpu,
    )


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads, in steps of a clock tick."""
    return _cpu_of(_PROC / str(pid) / "stat")


def memory_bytes(pid: int) -> dict[str, int]:
    """Return VmRSS, VmHWM, RssAnon and the like, by name."""
    lines = (_PROC / str(pid) / "status").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.endswith(" kB")}


def _cpu_by_kind(pid: int) -> tuple[float, float]:
    """Return the CPU seconds of librdkafka's threads and of all others."""
    client = python = 0.0
    for task in (_PROC / str(pid) / "task").iterdir():
        if (task / "comm").read_text().startswith("rdk:"):
            client += _cpu_of(task / "stat")
        else:
            python += _cpu_of(task / "stat")
    return client, python


def _cpu_of(stat: Path) -> float:
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK


def _machine_cpu_seconds() -> float:
    user, nice, system, _idle, _iowait, irq, softirq, *_ = (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:]
    return sum(map(int, (user, nice, system, irq, softirq))) * _TICK


def load() -> str:
    """The load averages of the last 1, 5 and 15 minutes."""
    return " ".join(f"{average:.2f}" for average in os.getloadavg())


def machine() -> str:
    """Describe the machine and the versions of what is measured."""
    cpu = next(
        (line.split(":")[1].strip() for line in (_PROC / "cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    total = int((_PROC / "meminfo").read_text().split()[1]) / 2**20
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr.splitlines()[0]
    return (
        f"{os.cpu_count()} cores ({cpu}), {total:.0f} GB, Linux {platform.release()}; "
        f"{platform.python_implementation()} {platform.python_version()}, {packages}; {java}"
    )
