"""The example, the generated reference, and what check-config shows."""

from pathlib import Path

import pytest
import yaml

from driftd.config.document import document, write
from driftd.config.environment import read_variables
from driftd.config.load import load_config
from driftd.config.model import Config
from driftd.config.show import effective_yaml
from driftd.values.budget import Budget

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "config" / "reference.yaml"


def test_the_reference_is_fresh() -> None:
    """config/reference.yaml is what the settings classes give: python -m driftd.config.document FILE."""
    assert REFERENCE.read_text(encoding="utf-8") == document()


def test_the_reference_shows_the_defaults() -> None:
    """The reference loads, and differs from the defaults by its examples for required keys alone."""
    config = load_config(REFERENCE, {})
    assert config.model_copy(update={"kafka": None}) == Config()
    assert config.source().group_id == "fraud-drift"


def test_every_variable_of_the_reference_sets_its_setting() -> None:
    """Each variable named in the reference leads to a key that exists."""
    names = {word for line in document().splitlines() for word in line.split() if word.startswith("DRIFTD_")}
    variables = read_variables(Config, dict.fromkeys(names, "null"))
    shown = yaml.safe_load(effective_yaml(load_config(REFERENCE, {})))
    assert len(variables) > 60
    for variable in variables:
        node = shown
        for part in variable.path:
            if node is None or part == "NAME":  # switched off, or a name to choose
                break
            assert part in node, variable.name
            node = node[part]


def test_the_example_loads() -> None:
    """config/example.yaml is a configuration for driftd run."""
    config = load_config(ROOT / "config" / "example.yaml", {})
    assert list(config.source().topics) == ["predictions"]
    assert Budget(2, horizon_ms=30 * 86_400_000) == config.incidents_of("fraud").budget


def test_what_is_shown_can_be_read_back(tmp_path: Path) -> None:
    """The effective configuration is a configuration with the same effect."""
    env = {"DRIFTD_INCIDENTS__JOIN": "90m", "DRIFTD_INCIDENTS__FLEET_BUDGET": "5 per 30d"}
    config = load_config(ROOT / "config" / "example.yaml", env)
    path = tmp_path / "effective.yaml"
    path.write_text(effective_yaml(config), encoding="utf-8")
    again = load_config(path, {})
    assert effective_yaml(again) == effective_yaml(config)
    assert again.incidents_of("fraud") == config.incidents_of("fraud")
    assert again.incidents == config.incidents


def test_durations_are_shown_with_units() -> None:
    """A person reads 1m, not 60000."""
    assert yaml.safe_load(effective_yaml(Config()))["windows"]["duration"] == "1m"


def test_sets_are_shown_in_order(tmp_path: Path) -> None:
    """The same configuration is shown as the same text in every process."""
    path = tmp_path / "driftd.yaml"
    path.write_text("kafka: {group_id: g, topics: {t: {exclude: [c, a, b, e, d]}}}\n")
    assert "exclude: [a, b, c, d, e]" in effective_yaml(load_config(path, {}))


@pytest.mark.parametrize("key", ["sasl.password", "sasl.username", "ssl.key.password", "ssl.key.pem", "api_token"])
def test_secrets_are_masked(key: str, tmp_path: Path) -> None:
    """A secret's value is not shown; the name of the file it is read from is."""
    path = tmp_path / "driftd.yaml"
    path.write_text(
        f"kafka: {{group_id: g, topics: [p], client: {{{key}: hunter2, client.id: me}}, "
        "client_files: {ssl.keystore.password: /run/secrets/x}}\n"
    )
    shown = yaml.safe_load(effective_yaml(load_config(path, {})))["kafka"]
    assert shown["client"] == {key: "***", "client.id": "me"}
    assert shown["client_files"] == {"ssl.keystore.password": "/run/secrets/x"}


def test_the_reference_is_written_to_a_file_or_to_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a path the text goes there, without to standard output."""
    write([str(tmp_path / "r.yaml")])
    write([])
    assert (tmp_path / "r.yaml").read_text(encoding="utf-8") == capsys.readouterr().out == document()
