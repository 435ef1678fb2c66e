"""The container image is built from the Dockerfile, and run as strictly as a cluster would run it."""

import json
import random
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from image_docker import ROOT, Docker, docker_daemon
from prometheus_client.parser import text_string_to_metric_families
from small_world import EVENTS_PER_WINDOW, small_world

from broker import free_ports
from driftd import __version__
from waiting import wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.image, pytest.mark.timeout(1200)]

TAG = "driftd:under-test"
WINDOWS = 24
STATE = "/var/lib/driftd"
STRICT = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=host")

# Prints, as JSON, every directory and file that may be written to. Devices and the kernel's own files are not asked.
WRITABLE = """
import json, os, stat
found = []
def look(path):
    if stat.S_ISDIR(os.lstat(path).st_mode) or stat.S_ISREG(os.lstat(path).st_mode):
        if os.access(path, os.W_OK): found.append(path)
for folder, folders, files in os.walk('/'):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in ('/proc', '/sys')]
    look(folder)
    for name in files: look(os.path.join(folder, name))
print(json.dumps(sorted(found)))
"""
# Prints, as JSON, what must not be there: programs on any usual path, modules, and files that package managers keep.
UNWANTED = """
import glob, importlib.util, json, os, shutil
programs = 'cc gcc c++ g++ clang ld as make cargo rustc go javac pip pip3 curl wget git'.split()
path = os.environ['PATH'] + ':/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/root/.cargo/bin'
found = [name for name in programs if shutil.which(name, path=path)]
found += [name for name in ('pip', 'ensurepip', 'setuptools_rust') if importlib.util.find_spec(name)]
kept = ('/var/lib/apt/lists/*', '/var/cache/apt/archives/*.deb', '/usr/share/python-wheels/*')
made = ('/root/.cache', '/root/.cargo', '/build', '/project')
found += [path for pattern in kept + made for path in glob.glob(pattern)]
print(json.dumps([path for path in found if os.path.basename(path) not in ('partial', 'lock', 'auxfiles')]))
"""
# Prints, as JSON, the package's modules that no byte code stands beside.
WITHOUT_BYTE_CODE = """
import driftd, importlib.util, json, pathlib
modules = pathlib.Path(driftd.__file__).parent.rglob('*.py')
print(json.dumps([str(m) for m in modules if not pathlib.Path(importlib.util.cache_from_source(m)).is_file()]))
"""


@pytest.fixture(scope="module")
def docker() -> Iterator[Docker]:
    """A Docker daemon that has built the image."""
    with docker_daemon() as daemon:
        began = time.monotonic()
        daemon.build(TAG)
        print(f"built in {time.monotonic() - began:.0f} s")  # noqa: T201 -- shown by pytest -rP
        yield daemon


def python(docker: Docker, script: str, *options: str) -> list[str]:
    """Run a script with the image's interpreter; return what it prints."""
    command = ("run", "--rm", *STRICT, *options, "--entrypoint=python3", TAG, "-c", script)
    found: list[str] = json.loads(docker(*command))
    return found


class Container(NamedTuple):
    """A daemon in a container that listens on a port of the host."""

    docker: Docker
    name: str
    port: int

    def get(self, path: str) -> tuple[int, str]:
        """Ask the daemon; status 0 while it does not listen."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()
        except OSError:
            return 0, ""

    def samples(self, name: str) -> list[float]:
        """Return the values of a metric's series."""
        families = text_string_to_metric_families(self.get("/metrics")[1])
        return [sample.value for family in families for sample in family.samples if sample.name == name]

    def state(self, key: str) -> str:
        """Return what Docker says about the container."""
        return self.docker("inspect", "--format", f"{{{{.State.{key}}}}}", self.name)

    def ready(self) -> bool:
        """Whether it says so; fails if it has ended."""
        status, _ = self.get("/-/ready")
        assert status or self.state("Running") == "true", self.docker.attempt("logs", self.name).stderr[-3000:]
        return status == 200


@pytest.fixture
def container(docker: Docker, kafka_bootstrap: str, tmp_path: Path) -> Iterator[Container]:
    """A container that watches a topic with drift: read-only, as a random user, without any capability."""
    world = small_world(tmp_path, kafka_bootstrap, WINDOWS)
    tmp_path.chmod(0o755)  # whoever the container runs as reads its configuration
    (port,) = free_ports(1)
    uid = random.SystemRandom().randint(20_000, 60_000)
    command = ["run", "--detach", *STRICT, f"--user={uid}:{uid}", f"--tmpfs={STATE}:uid={uid},gid={uid},mode=0700"]
    command += [f"--volume={world.config}:/etc/driftd/driftd.yaml:ro"]
    command += [f"--volume={world.config.parent / 'references'}:/etc/driftd/references:ro"]
    command += ["--env=DRIFTD_REFERENCES__DIRECTORY=/etc/driftd/references", "--health-interval=1s"]
    command += [f"--env=DRIFTD_HTTP__LISTEN=127.0.0.1:{port}"]
    began = time.monotonic()
    one = Container(docker, docker(*command, TAG), port)
    try:
        wait_for(one.ready, "the container is ready")
        print(f"ready {time.monotonic() - began:.2f} s after docker run")  # noqa: T201 -- shown by pytest -rP
        yield one
    finally:
        docker("rm", "--force", "--volumes", one.name)


def test_image_says_what_it_is_and_how_it_runs(docker: Docker) -> None:
    """Nothing goes through a shell, the user is a number that no machine gives away, and labels name the release."""
    (inspected,) = json.loads(docker("image", "inspect", TAG))
    print(f"image: {inspected['Size'] / 1e6:.0f} MB")  # noqa: T201 -- shown by pytest -rP
    config = inspected["Config"]
    shown = {key: config[key] for key in ("User", "Entrypoint", "Cmd", "StopSignal", "Volumes", "ExposedPorts")}
    assert shown == {
        "User": "10001:10001",
        "Entrypoint": ["driftd"],
        "Cmd": ["run"],
        "StopSignal": "SIGTERM",
        "Volumes": {STATE: {}},
        "ExposedPorts": {"9108/tcp": {}},
    }
    assert config["Healthcheck"]["Test"] == ["CMD", "driftd", "probe"]
    labels = {name.removeprefix("org.opencontainers.image."): text for name, text in config["Labels"].items()}
    assert labels["version"] == __version__
    assert {"title", "description", "licenses", "source", "revision", "created"} <= {k for k, v in labels.items() if v}


def test_image_has_the_compiled_kernel(docker: Docker) -> None:
    """It was compiled in a stage of its own."""
    told = json.loads(docker("run", "--rm", *STRICT, TAG, "version", "--json"))
    assert {name: told[name] for name in ("driftd", "kernel")} == {"driftd": __version__, "kernel": "rust"}


def test_image_has_no_compiler_and_no_package_manager_of_python(docker: Docker) -> None:
    """Nor what package managers leave, as seen by root; byte code is there, since nobody can write it later."""
    everything_seen = ("--user=0", "--cap-add=DAC_READ_SEARCH")
    assert python(docker, UNWANTED, *everything_seen) == []
    assert python(docker, WITHOUT_BYTE_CODE) == []


def test_image_runs_the_scripts_of_the_tour(docker: Docker) -> None:
    """deploy/compose mounts them into it; nobody there installs anything."""
    mounted = f"--volume={ROOT / 'deploy' / 'compose'}:/opt/tour:ro"
    command = ["run", "--rm", *STRICT, mounted, f"--volume={STATE}", "--entrypoint=python3", TAG]
    assert docker(*command, "/opt/tour/traffic.py", "reference", STATE).endswith(f" rows in {STATE}")
    assert "--listen" in docker(*command, "/opt/tour/receiver.py", "--help")


def test_image_belongs_to_root_except_for_its_state(docker: Docker) -> None:
    """Even where its file system is writable, its own user can write only there, and where everybody can."""
    command = ("run", "--rm", "--network=host", "--entrypoint=python3", TAG, "-c", WRITABLE)
    everybodys = {"/tmp", "/var/tmp", "/run/lock", "/dev/shm", "/dev/mqueue"}
    assert set(json.loads(docker(*command))) - everybodys == {STATE}


def test_container_finds_the_drift_and_stops_as_it_is_told_to(container: Container) -> None:
    """It needs no capability, no known user, and nothing to write to but its state."""
    docker, name = container.docker, container.name
    events = WINDOWS * EVENTS_PER_WINDOW
    wait_for(lambda: container.samples("driftd_events_read_total") == [events], "all events are read")
    wait_for(lambda: container.samples("driftd_incident_firing") == [1], "the drift is found")
    wait_for(lambda: container.state("Health.Status") == "healthy", "its health check succeeds")
    the_runtimes_own = {"/dev/shm", "/dev/mqueue"}  # file systems in memory that Docker adds
    writable = json.loads(docker("exec", name, "python3", "-c", WRITABLE))
    assert {path for path in writable if not path.startswith(f"{STATE}/")} - the_runtimes_own == {STATE}
    began = time.monotonic()
    docker("stop", "--time=10", name)
    assert (container.state("ExitCode"), container.state("OOMKilled")) == ("0", "false")
    print(f"stopped in {time.monotonic() - began:.2f} s")  # noqa: T201 -- shown by pytest -rP
    assert time.monotonic() - began < 10
