"""Where settings come from, and which source wins."""

from pathlib import Path

import pytest

from driftd.config.load import load_config
from driftd.config.model import Config
from driftd.errors import ConfigurationError
from driftd.values.budget import Budget


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration file."""
    path = tmp_path / "driftd.yaml"
    path.write_text(
        "kafka: {group_id: g, topics: [predictions], client: {client.id: file, sasl.password: old}}\n"
        "windows: {duration: 2m, lateness: 10s}\n"
        "incidents: {page_on: [gross], join: 2h}\n"
        "models: {Fraud: {incidents: {join: 3h}}}\n"
    )
    return path


def test_without_any_source_the_defaults_hold() -> None:
    """No file and no variable give the same as no argument at all, and no Kafka."""
    assert load_config(None, {}) == Config()
    assert Config().kafka is None


def test_the_environment_wins_over_the_file(file: Path) -> None:
    """A variable replaces the file's value and leaves its neighbours."""
    config = load_config(file, {"DRIFTD_WINDOWS__DURATION": "5m"})
    assert (config.windows.duration, config.windows.lateness) == (300_000, 10_000)


def test_the_command_line_wins_over_the_environment(file: Path) -> None:
    """Options of a command are the strongest source."""
    config = load_config(file, {"DRIFTD_WINDOWS__DURATION": "5m"}, {"windows": {"duration": "1m"}})
    assert (config.windows.duration, config.windows.lateness) == (60_000, 10_000)


def test_the_file_may_be_named_by_the_environment(file: Path) -> None:
    """DRIFTD_CONFIG is used where no path is given, and only there."""
    env = {"DRIFTD_CONFIG": str(file)}
    assert load_config(None, env) == load_config(file, {})
    assert load_config(file, {"DRIFTD_CONFIG": "/nowhere"}) == load_config(file, {})


def test_nothing_else_of_the_process_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the environment handed in counts, not the process's own."""
    monkeypatch.setenv("DRIFTD_WINDOWS__DURATION", "5m")
    monkeypatch.setenv("WINDOWS", "{}")
    assert load_config(None, {}) == Config()


def test_lists_are_replaced_and_mappings_merged(file: Path) -> None:
    """A list from a stronger source stands alone; a mapping adds its keys."""
    env = {"DRIFTD_INCIDENTS__PAGE_ON": "[adwin, psi>0.2]", "DRIFTD_KAFKA__CLIENT": "{linger.ms: 5}"}
    config = load_config(file, env)
    assert config.incidents.page_on == ("adwin", "psi>0.2")
    assert config.source().client == {"client.id": "file", "sasl.password": "old", "linger.ms": 5}


def test_properties_of_librdkafka_are_written_with_underscores() -> None:
    """Variables cannot hold dots: SASL_PASSWORD stands for sasl.password, and is kept as text."""
    env = {
        "DRIFTD_KAFKA__GROUP_ID": "7",
        "DRIFTD_KAFKA__TOPICS": "[predictions]",
        "DRIFTD_KAFKA__CLIENT__SASL_PASSWORD": "{not: yaml}",
        "DRIFTD_KAFKA__CLIENT_FILES__SSL_KEY_PASSWORD": "/run/secrets/x",
    }
    source = load_config(None, env).source()
    assert source.group_id == "7"
    assert source.client == {"sasl.password": "{not: yaml}"}
    assert source.client_files == {"ssl.key.password": Path("/run/secrets/x")}


def test_chosen_names_keep_their_case(file: Path) -> None:
    """Names of models in variables are taken exactly, names of settings in any case."""
    config = load_config(
        file, {"DRIFTD_MODELS__Fraud__INCIDENTS__HOLD": "4h", "driftd_models__fraud__incidents__hold": "5h"}
    )
    assert config.models["Fraud"].incidents.hold == 4 * 3_600_000
    assert config.models["fraud"].incidents.hold == 5 * 3_600_000


def test_what_kubernetes_adds_is_not_a_setting() -> None:
    """A Service called driftd puts DRIFTD_PORT and the like into the environment of its neighbours."""
    env = {"DRIFTD_PORT": "tcp://10.0.0.1:9108", "DRIFTD_SERVICE_HOST": "10.0.0.1", "DRIFTD_PORT_9108_TCP_ADDR": "x"}
    assert load_config(None, env) == Config()


def test_null_in_a_variable_takes_a_setting_away(tmp_path: Path) -> None:
    """Where a setting may be null, the text null is no value."""
    path = tmp_path / "driftd.yaml"
    path.write_text("http: {external_url: 'https://a.example.org'}\n")
    assert load_config(path, {"DRIFTD_HTTP__EXTERNAL_URL": "null"}).http.external_url is None
    assert (
        load_config(
            None, {"DRIFTD_DETECT__DETECTORS__ADWIN": "null", "DRIFTD_INCIDENTS__PAGE_ON": "[gross]"}
        ).detect.detectors.adwin
        is None
    )


def test_an_empty_file_is_an_empty_configuration(tmp_path: Path) -> None:
    """A file of comments is as good as none."""
    path = tmp_path / "driftd.yaml"
    path.write_text("# nothing yet\n")
    assert load_config(path, {}) == Config()


def test_topics_may_be_a_list_or_a_mapping(tmp_path: Path) -> None:
    """A list of names is a mapping from names to the defaults."""
    listed, mapped = tmp_path / "listed.yaml", tmp_path / "mapped.yaml"
    listed.write_text("kafka: {group_id: g, topics: [a, b]}\n")
    mapped.write_text("kafka: {group_id: g, topics: {a: , b: {model: model}}}\n")
    assert load_config(listed, {}).kafka == load_config(mapped, {}).kafka


def test_a_model_s_own_settings_win_over_the_common_ones(file: Path) -> None:
    """Only the keys that a model gives differ; the rest follows the common section, not the defaults."""
    config = load_config(file, {"DRIFTD_INCIDENTS__BUDGET": "2 per 30d"})
    own, common = config.incidents_of("Fraud"), config.incidents_of("other")
    assert common == config.incidents.of_model(None)
    assert (own.join, common.join) == (3 * 3_600_000, 2 * 3_600_000)
    assert own.page_on == common.page_on == ("gross",)
    assert own.budget == common.budget == Budget(2, horizon_ms=30 * 86_400_000)


def test_without_kafka_there_is_no_source() -> None:
    """What needs the broker is told which section is missing."""
    with pytest.raises(ConfigurationError) as caught:
        Config().source()
    assert caught.value.key == "kafka"


def test_a_configuration_is_frozen() -> None:
    """Nobody changes a setting while the daemon runs."""
    with pytest.raises(ValueError, match="frozen"):
        Config().log = Config().log  # type: ignore[misc]
