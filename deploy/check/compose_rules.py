"""Holds the compose file against the tour's own rules. Reads what ``docker compose config`` prints from stdin."""

import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

TOUR = Path("deploy/compose")
WRITABLE = {"kafka"}  # its start script writes the configuration
PINNED = re.compile(r"[\w./-]+:v?\d+\.\d+\.\d+|[\w./:-]+@sha256:[0-9a-f]{64}")

Service = dict[str, Any]


def wrong_images(name: str, service: Service) -> Iterator[str]:
    """Yield an image without an exact version."""
    if not PINNED.fullmatch(service["image"]):
        yield f"{name}: {service['image']} is not pinned to a version"


def wrong_mounts(name: str, service: Service) -> Iterator[str]:
    """Yield what is mounted from this tree but is not there, or could be written to."""
    for volume in service.get("volumes", []):
        if isinstance(volume, str):  # as docker-compose 1 prints it
            source, _, mode = volume.split(":")
            read_only = mode == "ro"
        else:
            source, read_only = volume.get("source", ""), volume.get("read_only", False)
        if source.startswith("/"):
            if not Path(source).exists():
                yield f"{name}: {source} does not exist"
            if not read_only:
                yield f"{name}: {source} is not mounted read-only"


def addresses(service: Service) -> Iterator[str]:
    """Yield where its ports are published, as HOST:PORT."""
    for port in service.get("ports", []):
        yield port.rpartition(":")[0] if isinstance(port, str) else f"{port.get('host_ip', '')}:{port['published']}"


def wrong_confinement(name: str, service: Service) -> Iterator[str]:
    """Yield what the service may do beyond its task."""
    wanted = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"], "read_only": name not in WRITABLE}
    for key, value in wanted.items():
        if service.get(key, False) != value:
            yield f"{name}: {key} is {service.get(key)}, not {value}"
    yield from (f"{name}: no {key}" for key in ("mem_limit", "cpus", "pids_limit") if key not in service)
    if "healthcheck" not in service:
        yield f"{name}: neither a health check nor a word that there is none"


def wrong_documents(services: dict[str, Service]) -> Iterator[str]:
    """Yield what README.md does not name, and a version of driftd that is not this one."""
    readme = (TOUR / "README.md").read_text(encoding="utf-8")
    settings = dict(re.findall(r"^(\w+)=(.*)$", (TOUR / ".env").read_text(encoding="utf-8"), re.MULTILINE))
    names = [*services, *(name for name in settings if name.endswith(("_PORT", "_USER", "_PASSWORD", "_IMAGE")))]
    yield from (f"README.md does not name {name}" for name in names if f"`{name}`" not in readme)
    values = [value for name, value in settings.items() if name.endswith(("_PORT", "_USER", "_PASSWORD"))]
    yield from (f"README.md does not name {value}" for value in values if f"`{value}`" not in readme)
    version = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    if not settings["DRIFTD_IMAGE"].endswith(f":{version}"):
        yield f".env: {settings['DRIFTD_IMAGE']} is not version {version}"


def main() -> int:
    """Print what is wrong; 1 if anything is."""
    services: dict[str, Service] = yaml.safe_load(sys.stdin)["services"]
    checks = (wrong_images, wrong_mounts, wrong_confinement)
    wrong = [text for name, service in services.items() for check in checks for text in check(name, service)]
    published = Counter(address for service in services.values() for address in addresses(service))
    wrong += [f"{address} is not loopback's" for address in published if not address.startswith("127.0.0.1:")]
    wrong += [f"{address} is published {times} times" for address, times in published.items() if times > 1]
    wrong += wrong_documents(services)
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
