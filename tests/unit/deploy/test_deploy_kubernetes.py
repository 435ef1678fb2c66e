"""The Helm chart and the kustomize base are one set of objects, in two languages."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from pyarrow import parquet

from programs import program

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
KUSTOMIZE, CHART = DEPLOY / "kubernetes", DEPLOY / "helm" / "driftd"
OF_THE_CHART = {"helm.sh/chart", "app.kubernetes.io/managed-by"}

Objects = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find what deploy/check/run has installed."""
    monkeypatch.setenv("PATH", os.pathsep.join([str(ROOT / ".cache" / "deploy" / "bin"), os.environ["PATH"]]))


def objects(*command: str | Path) -> Objects:
    """Return what a command prints, by kind and name."""
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    documents = [document for document in yaml.safe_load_all(found.stdout) if document]
    return {(document["kind"], document["metadata"]["name"]): document for document in documents}


def kustomized(folder: str) -> Objects:
    """Return what kustomize builds."""
    return objects(program("kustomize"), "build", KUSTOMIZE / folder)


def templated(*options: str | Path) -> Objects:
    """Return what helm would install as the release driftd."""
    return objects(program("helm"), "template", "driftd", CHART, "--kube-version", "1.31.0", *options)


def plain(found: Objects) -> Objects:
    """Leave out what says only who wrote an object: labels of the chart, hashes of the configuration, namespaces."""
    configs = {name for kind, name in found if kind == "ConfigMap"}
    return {
        (kind, "driftd-config" if name in configs else name): _plain(document, configs)
        for (kind, name), document in found.items()
    }


def _plain(value: Any, configs: set[str]) -> Any:
    if isinstance(value, dict):
        kept = {key: _plain(inner, configs) for key, inner in value.items() if key not in {"namespace", *OF_THE_CHART}}
        kept.pop("checksum/config", None)
        if kept.get("annotations") == {}:
            del kept["annotations"]
        if "driftd.yaml" in kept:
            kept["driftd.yaml"] = yaml.safe_load(kept["driftd.yaml"])
        return kept
    if isinstance(value, list):
        return [_plain(inner, configs) for inner in value]
    return "driftd-config" if value in configs else value


def test_chart_and_base_are_the_same_objects() -> None:
    """Whoever changes one changes the other."""
    assert plain(templated()) == plain(kustomized("base"))


def test_chart_and_components_monitor_the_same_way() -> None:
    """PodMonitor, ServiceMonitor and PrometheusRule are equal in what they ask for."""
    chart = templated("--values", CHART / "tests" / "monitored.yaml", "--set", "serviceMonitor.interval=15s")
    for kind in ("PodMonitor", "ServiceMonitor", "PrometheusRule"):
        path = KUSTOMIZE / "components" / kind.lower() / f"{kind.lower()}.yaml"
        assert chart[kind, "driftd"]["spec"] == yaml.safe_load(path.read_text(encoding="utf-8"))["spec"], kind


def test_rules_are_one_set_in_all_their_forms() -> None:
    """A rule file, a PrometheusRule, and the chart's copy."""
    rules = (DEPLOY / "prometheus" / "driftd.rules.yaml").read_text(encoding="utf-8")
    assert (CHART / "files" / "driftd.rules.yaml").read_text(encoding="utf-8") == rules
    path = KUSTOMIZE / "components" / "prometheusrule" / "prometheusrule.yaml"
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["spec"] == yaml.safe_load(rules)


def test_sidecar_is_the_container_of_the_deployment() -> None:
    """Beside a model server driftd is the same container, which starts first and ends last."""
    alone = kustomized("overlays/standalone")["Deployment", "driftd"]["spec"]["template"]["spec"]
    beside = kustomized("overlays/sidecar")["Deployment", "model-server"]["spec"]["template"]["spec"]
    (sidecar,) = beside["initContainers"]
    assert sidecar.pop("restartPolicy") == "Always"
    assert [sidecar] == alone["containers"]
    assert beside["volumes"] == alone["volumes"]


def test_every_port_of_a_pod_is_let_in() -> None:
    """The policy selects the whole pod: what is beside driftd has callers, too."""
    found = kustomized("overlays/sidecar")
    pod = found["Deployment", "model-server"]["spec"]["template"]["spec"]
    ports = {port["name"] for container in pod["initContainers"] + pod["containers"] for port in container["ports"]}
    let_in = {port["port"] for rule in found["NetworkPolicy", "driftd"]["spec"]["ingress"] for port in rule["ports"]}
    assert let_in == ports


@pytest.mark.parametrize("overlay", ["standalone", "tls-sasl", "sidecar"])
def test_only_one_pod_watches(overlay: str) -> None:
    """Never two, not even while one replaces the other."""
    deployments = [
        found["spec"] for (kind, _), found in kustomized(f"overlays/{overlay}").items() if kind == "Deployment"
    ]
    assert [(spec["replicas"], spec["strategy"]["type"]) for spec in deployments] == [(1, "Recreate")]


def test_state_directory_is_all_that_can_be_written() -> None:
    """The root is read-only, and so is every volume but the state's."""
    (container,) = kustomized("base")["Deployment", "driftd"]["spec"]["template"]["spec"]["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    written = [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
    assert written == ["/var/lib/driftd"]


def test_passwords_are_never_in_a_config_map() -> None:
    """What is secret comes from files of the Secret, which has to be there."""
    found = kustomized("overlays/tls-sasl")
    pod = found["Deployment", "driftd"]["spec"]["template"]["spec"]
    secrets = next(volume["secret"] for volume in pod["volumes"] if volume["name"] == "secrets")
    (text,) = (document["data"]["driftd.yaml"] for (kind, _), document in found.items() if kind == "ConfigMap")
    config = yaml.safe_load(text)["kafka"]
    assert not secrets["optional"]
    assert config["client_files"] == {"sasl.password": "/run/secrets/driftd/password"}
    assert not [name for name in config["client"] if "password" in name]


def test_guide_leads_to_the_point_where_a_cluster_is_needed(tmp_path: Path) -> None:
    """The commands of docs/kubernetes.md that need none are run as they stand, in their order."""
    shutil.copytree(DEPLOY / "kubernetes", tmp_path / "deploy" / "kubernetes")
    (tmp_path / "references").mkdir()
    table = {"time": list(range(1_767_225_600, 1_767_226_600)), "amount": [at % 97 / 7 for at in range(1_000)]}
    parquet.write_table(pa.table(table), tmp_path / "training.parquet")
    guide = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```console\n(.*?)^ *```", guide, re.MULTILINE | re.DOTALL)
    commands = [line.strip() for block in blocks for line in block.splitlines()]
    needing_none = [command for command in commands if not re.match(r"kubectl (?!kustomize)|helm install", command)]
    assert len(needing_none) == 4
    programs = f'kubectl() {{ {program("kustomize")} build "$2"; }}\n'  # which is what `kubectl kustomize` is
    environment = os.environ | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    for command in needing_none:
        script = f"set -e\n{programs}{command}"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
    assert "image: registry.example.org/driftd:0.1.0" in done.stdout
