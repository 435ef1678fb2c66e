"""kcat, a consumer in C: what librdkafka does without Python."""

import os
import shutil
import subprocess
from dataclasses import replace

from proc_figures import Pace, moment, pace
from speed.environments import NotInstalled
from speed.site import Site


def kcat_pace(site: Site, topic: str, events: int) -> Pace:
    """Let kcat write a topic's first events to nowhere; its start counts. NotInstalled where it is not there."""
    program = shutil.which("kcat") or shutil.which("kafkacat")
    if program is None:
        raise NotInstalled("no program of that name (Debian and Ubuntu: apt-get install kcat)")
    command = [program, "-C", "-q", "-b", site.broker.bootstrap_servers, "-t", topic, "-o", "beginning"]
    before = moment(0, os.getpid(), site.broker.pid)
    with subprocess.Popen([*command, "-c", str(events)], stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"kcat ended with {process.returncode}")
    whole = pace(before, moment(events, os.getpid(), site.broker.pid))
    site.say(f"kcat on {topic}: {whole.rate:,.0f} events/s")
    return replace(whole, python_cpu=0.0, client_cpu=used.ru_utime + used.ru_stime)
