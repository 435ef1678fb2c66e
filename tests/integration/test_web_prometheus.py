"""Prometheus reads the same web configuration file, and scrapes what it protects."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from served_program import ServedProgram, prometheus
from web_service import CLIENTS, TLS, Certificates, hashed, serving

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


def health(server: ServedProgram) -> dict[str, tuple[str, str]]:
    """Return each target's health and last error, by user name."""
    targets = server.ask("/api/v1/targets")["data"]["activeTargets"]
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
        with prometheus(tmp_path, scrape) as server:
            wait_for(lambda: health(server) == {"scraper": expected}, f"the target is {expected}")
            if expected == ("up", ""):

                def value() -> list[str]:
                    found = server.ask("/api/v1/query", query="driftd_up")["data"]["result"]
                    return [sample["value"][1] for sample in found]

                wait_for(lambda: value() == ["1"], "the sample is stored")
