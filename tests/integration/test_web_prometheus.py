"""Prometheus reads the same web configuration file, and scrapes what it protects."""

import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from web_service import CLIENTS, TLS, Certificates, hashed, serving

from broker import free_ports
from programs import program
from waiting import wait_for

pytestmark = pytest.mark.prometheus

USERS = {"scraper": hashed("s3cret"), "second": hashed("other", 5)}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'",
    "X-Frame-Options": "deny",
    "X-Content-Type-Options": "nosniff",
    "X-XSS-Protection": "1",
    "Strict-Transport-Security": "max-age=60",
}
FILES: dict[str, dict[str, Any]] = {
    "empty": {},
    "users": {"basic_auth_users": USERS},
    "tls": {"tls_server_config": TLS},
    "clients": {"tls_server_config": TLS | CLIENTS},
    "everything": {
        "tls_server_config": TLS
        | CLIENTS
        | {
            "min_version": "TLS12",
            "max_version": "TLS13",
            "cipher_suites": ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"],
            "prefer_server_cipher_suites": True,
            "curve_preferences": ["CurveP256"],
        },
        "http_server_config": {"http2": False, "headers": HEADERS},
        "basic_auth_users": USERS,
    },
}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority and a folder of files."""
    return Certificates(tmp_path_factory.mktemp("web"))


@pytest.mark.parametrize("name", sorted(FILES))
def test_prometheus_takes_the_same_files(name: str, certificates: Certificates) -> None:
    """What driftd honours is sound for Prometheus, too."""
    certificates.protection(**FILES[name])
    command = [program("promtool"), "check", "web-config", str(certificates.folder / "web.yml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (0, f"{command[-1]} SUCCESS\n") == (done.returncode, done.stdout + done.stderr)


@contextmanager
def prometheus(folder: Path, scrape: dict[str, Any]) -> Iterator[str]:
    """Run a Prometheus with one scrape configuration; its address."""
    command = program("prometheus")
    config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [scrape]}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (port,) = free_ports(1)
    options = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([command, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(timeout=30)


def health(address: str) -> dict[str, tuple[str, str]]:
    """Return each target's health and last error, by user name; empty while Prometheus does not answer."""
    try:
        with urllib.request.urlopen(f"{address}/api/v1/targets", timeout=5) as found:
            targets = json.load(found)["data"]["activeTargets"]
    except OSError:
        return {}
    return {target["labels"]["user"]: (target["health"], target["lastError"]) for target in targets}


@pytest.mark.parametrize(
    ("password", "expected"),
    [("s3cret", ("up", "")), ("wrong", ("down", "server returned HTTP status 401 Unauthorized"))],
)
def test_prometheus_scrapes_with_a_certificate_and_a_password(
    password: str, expected: tuple[str, str], certificates: Certificates, tmp_path: Path
) -> None:
    """The target is up where certificate and password are right, and down with 401 where the password is not."""
    leaf = certificates.authority.issue_cert("scraper.example.org")
    leaf.cert_chain_pems[0].write_to_path(tmp_path / "client.pem")
    leaf.private_key_pem.write_to_path(tmp_path / "client.key")
    with serving(certificates.protection(**FILES["everything"])) as service:
        target = {"targets": [f"127.0.0.1:{service.server.port}"], "labels": {"user": "scraper"}}
        scrape = {
            "job_name": "driftd",
            "scheme": "https",
            "basic_auth": {"username": "scraper", "password": password},
            "tls_config": {
                "ca_file": str(certificates.folder / "ca.pem"),
                "cert_file": "client.pem",
                "key_file": "client.key",
            },
            "static_configs": [target],
        }
        with prometheus(tmp_path, scrape) as address:
            wait_for(lambda: health(address) == {"scraper": expected}, f"the target is {expected}")
            if expected == ("up", ""):
                query = urllib.parse.urlencode({"query": "driftd_up"})

                def value() -> list[str]:
                    with urllib.request.urlopen(f"{address}/api/v1/query?{query}", timeout=5) as found:
                        return [sample["value"][1] for sample in json.load(found)["data"]["result"]]

                wait_for(lambda: value() == ["1"], "the sample is stored")
