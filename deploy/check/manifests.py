"""Holds Kubernetes objects against the schemas of their kinds: ``manifests.py FILE...``, each a stream of YAML.

Kinds of Kubernetes itself are validated strictly for three of its releases by kubernetes-validate, which brings their
schemas; custom resources of the Prometheus operator against the schemas in crds/.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import yaml

#: Native sidecars are on by default since 1.29; the newest release that kubernetes-validate knows; one between.
RELEASES = ("1.29", "1.33", "1.37")
CRDS = Path(__file__).with_name("crds")


def main(files: list[Path]) -> int:
    """Validate all files; return how many are not sound."""
    return sum(not _sound(file) for file in files)


def _sound(file: Path) -> bool:
    objects = [found for found in yaml.safe_load_all(file.read_text(encoding="utf-8")) if found]
    own = [found for found in objects if not _is_custom(found)]
    plain = file.with_suffix(".plain")
    plain.write_text(yaml.safe_dump_all(own), encoding="utf-8")
    verdicts = [_valid(plain, release) for release in RELEASES]
    verdicts += [_valid_custom(found) for found in objects if _is_custom(found)]
    print(f"{file.name}: {len(objects)} objects, for Kubernetes {', '.join(RELEASES)}")
    return all(verdicts)


def _is_custom(found: dict[str, Any]) -> bool:
    return bool(found["apiVersion"].startswith("monitoring.coreos.com/"))


def _valid(file: Path, release: str) -> bool:
    command = ["kubernetes-validate", "--strict", "--no-warn", "--quiet", "--kubernetes-version", release, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- our own file
    if done.returncode:
        print(f"{file.name}, Kubernetes {release}:\n{done.stdout}{done.stderr}", file=sys.stderr)
    return not done.returncode


def _valid_custom(found: dict[str, Any]) -> bool:
    schema = json.loads((CRDS / f"{found['kind'].lower()}.json").read_text(encoding="utf-8"))
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(found))
    for error in errors:
        print(f"{found['kind']}: {error.json_path}: {error.message}", file=sys.stderr)
    return not errors


if __name__ == "__main__":
    sys.exit(main([Path(name) for name in sys.argv[1:]]))
