"""``driftd probe``, asked of a real server."""

from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml
from click.testing import CliRunner, Result
from web_service import CLIENTS, TLS, Certificates, Service, hashed, serving

from driftd.cli import main
from driftd.values.view import DaemonView
from driftd.web.app import Served, build_app
from driftd.web.protection import Protection
from driftd.web.server import App


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """What a server with TLS needs."""
    return Certificates(tmp_path)


def application(*, healthy: bool = True, not_ready: tuple[str, ...] = ()) -> App:
    """Return the daemon's application in a state of health."""
    view = DaemonView(not_ready=not_ready)
    served = Served(lambda: view, lambda _: None, lambda _: (b"", "text/plain"), lambda: healthy, lambda: None)
    return build_app(served, structlog.wrap_logger(structlog.ReturnLogger()))


def probe(service: Service, folder: Path, *options: str, **http: Any) -> Result:
    """Run the command with the configuration of this server."""
    config = folder / "driftd.yaml"
    listen = f"0.0.0.0:{service.server.port}"  # as it is configured where others are to reach it
    kafka = {"bootstrap_servers": "localhost:9092", "group_id": "probed", "topics": ["predictions"]}
    config.write_text(yaml.safe_dump({"kafka": kafka, "http": {"listen": listen, **http}}))
    return CliRunner().invoke(main, ["probe", "--config", str(config), *options])


def test_daemon_that_lives_is_found_alive(tmp_path: Path) -> None:
    """Whether it is ready is another question, with its own answer."""
    with serving(app=application(not_ready=("no broker answers",))) as service:
        alive = probe(service, tmp_path)
        ready = probe(service, tmp_path, "--ready")
    assert (alive.exit_code, alive.output) == (0, "healthy\n")
    assert ready.exit_code == 1
    assert "not ready: no broker answers" in ready.stderr


def test_daemon_whose_loop_stands_still_is_not_alive(tmp_path: Path) -> None:
    """With the daemon's own words, and no traceback."""
    with serving(app=application(healthy=False)) as service:
        result = probe(service, tmp_path)
    url = f"http://127.0.0.1:{service.server.port}/-/healthy"
    told = "not healthy: the loop has not turned for too long"
    assert (result.exit_code, result.stderr) == (1, f"driftd: error: {url}: {told}\n")


def test_nobody_there_is_not_alive(tmp_path: Path) -> None:
    """As after a crash, or before the port is open."""
    with serving() as service:
        pass
    result = probe(service, tmp_path)
    assert result.exit_code == 1
    assert f"127.0.0.1:{service.server.port}/-/healthy: no answer: " in result.stderr


@pytest.mark.parametrize("tls", [{}, {"tls_server_config": TLS}], ids=["plain", "TLS"])
def test_probe_needs_neither_password_nor_authority(
    tls: dict[str, Any], certificates: Certificates, tmp_path: Path
) -> None:
    """Where the web configuration file asks for both, and the certificate is made out to another name."""
    sections = {**tls, "basic_auth_users": {"ops": hashed("s3cret")}}
    with serving(certificates.protection(**sections), application()) as service:
        result = probe(service, tmp_path, web_config_file=str(certificates.web_config(**sections)))
    assert (result.exit_code, result.output) == (0, "healthy\n")


def test_daemon_that_asks_everybody_for_a_certificate_cannot_be_probed(
    certificates: Certificates, tmp_path: Path
) -> None:
    """As docs/security.md says of all probes."""
    sections: dict[str, Any] = {"tls_server_config": {**TLS, **CLIENTS}}
    protection: Protection = certificates.protection(**sections)
    with serving(protection, application()) as service:
        result = probe(service, tmp_path, web_config_file=str(certificates.web_config(**sections)))
    assert result.exit_code == 1
    assert "no answer" in result.stderr
