"""Apache Kafka as plain jars, fetched once through Maven into the project's cache folder."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

KAFKA_VERSION = "4.1.0"
CACHE = Path(__file__).resolve().parent.parent / ".cache" / "kafka"

_POM = f"""<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>driftd</groupId>
  <artifactId>test-broker</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{KAFKA_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""


class BrokerUnavailable(Exception):
    """No broker can be had on this machine; the text says why."""


def require_program(name: str) -> str:
    """Return the path of a program, or raise BrokerUnavailable."""
    path = shutil.which(name)
    if path is None:
        raise BrokerUnavailable(f"no {name} on this machine")
    return path


def kafka_jars() -> Path:
    """Return the folder with the broker's jars; the first call downloads them (45 files, 43 MB).

    A lock file makes parallel test workers wait for one download; the folder appears whole or not at all.
    """
    folder = CACHE / f"libs-{KAFKA_VERSION}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _download(folder)
    return folder


def _download(folder: Path) -> None:
    maven = require_program("mvn")
    pom = CACHE / "pom.xml"
    pom.write_text(_POM)
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = [maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={partial}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, env=dict(os.environ))
    if done.returncode != 0 or not any(partial.glob("kafka-clients-*.jar")):
        raise BrokerUnavailable(f"Maven could not fetch Kafka {KAFKA_VERSION}: {done.stdout.strip()[-300:]}")
    partial.rename(folder)
