"""Configurations as nobody should write them: a Config, or one ConfigurationError, soon and in few words."""

import contextlib
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from fuzzing import ODD, altered, corpus, damaged, examples
from hypothesis import given
from hypothesis import strategies as st

from driftd.config.load import load_config
from driftd.config.model import Config
from driftd.config.show import effective_yaml
from driftd.errors import ConfigurationError
from driftd.values.bounded_yaml import MAX_CHARACTERS, MAX_DEPTH, MAX_VALUES, load_yaml

REFERENCE = Path(__file__).parents[2] / "config" / "reference.yaml"
WHOLE = effective_yaml(
    load_config(
        None,
        {},
        {
            "kafka": {"group_id": "g", "topics": {"predictions": {"model": {"const": "m"}}}, "client": {"a.b": 1}},
            "models": {"fraud": {"incidents": {"page_on": ["psi>0.2"]}, "columns": {"iban": {"values": "hide"}}}},
        },
    )
).encode()
DOCUMENT: dict[str, Any] = yaml.safe_load(WHOLE)
SECRET = "hunter2"
LONGEST_TOLD = 2_000  # characters of a line


def check(path: Path, data: bytes) -> None:
    """Read a configuration; every line of an error is short enough to be read."""
    path.write_bytes(data)
    told = ""
    try:
        assert effective_yaml(load_config(path, {}))
    except ConfigurationError as error:
        told = str(error)
    assert [] == [line for line in told.splitlines() if len(line) > LONGEST_TOLD]


@pytest.mark.parametrize("path", corpus("configurations"), ids=lambda path: path.name)
def test_every_configuration_of_the_corpus_is_refused_at_once(path: Path) -> None:
    """Bombs, loops, depths, odd tags and odd keys: named as what they are, before anything large is built."""
    begun = time.process_time()
    with pytest.raises(ConfigurationError) as caught:
        load_config(path, {})
    assert time.process_time() - begun < 3
    assert [] == [line for line in str(caught.value).splitlines() if len(line) > LONGEST_TOLD]


@examples(100)
@given(altered(DOCUMENT))
def test_odd_values_under_any_key_are_refused(tmp_path_factory: pytest.TempPathFactory, document: Any) -> None:
    """Every key with every odd type, doubled and taken away."""
    check(tmp_path_factory.getbasetemp() / "altered.yaml", yaml.safe_dump(document, allow_unicode=True).encode())


@examples(100)
@given(damaged(WHOLE))
def test_a_damaged_configuration_is_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Flipped bits, cuts, repeats and odd bytes."""
    check(tmp_path_factory.getbasetemp() / "damaged.yaml", data)


@examples(60)
@given(damaged(REFERENCE.read_bytes()))
def test_the_damaged_reference_of_all_settings_is_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    """The document that operators copy from, with its comments."""
    check(tmp_path_factory.getbasetemp() / "reference.yaml", data)


PARTS = ["windows", "duration", "kafka", "client", "client_files", "topics", "group_id", "models", "a", "", "x" * 50]
NAMES = st.lists(st.sampled_from(PARTS), min_size=2, max_size=6).map(lambda parts: "DRIFTD_" + "__".join(parts).upper())
TEXTS = st.sampled_from(
    ["", "null", "[1", "{a: {b: [1]}}", "&a [*a]", "9" * 400 + "d", "{1: 2}", "[[1]]", "\udcff", "!!int x", "[" * 3_000]
)


@examples(150)
@given(st.dictionaries(NAMES, TEXTS | st.text(st.characters(exclude_characters="\x00"), max_size=10), max_size=4))
def test_odd_variables_are_refused(env: dict[str, str]) -> None:
    """Whatever the environment holds, the answer is a Config or a ConfigurationError that can be printed."""
    with contextlib.suppress(ConfigurationError):
        assert effective_yaml(load_config(None, env))


def test_a_variable_of_thousands_of_parts_is_refused() -> None:
    """A name is no way to nest deeper than a file may."""
    with pytest.raises(ConfigurationError, match="settings do not nest so deep") as caught:
        load_config(None, {"DRIFTD_" + "A__" * 40_000 + "B": "1"})
    assert len(str(caught.value)) < 300


def test_a_variable_that_is_no_text_is_refused_by_name_and_its_secret_masked() -> None:
    """What is not UTF-8 could not be passed on, and a secret is not shown for it."""
    with pytest.raises(ConfigurationError, match="must be UTF-8") as caught:
        load_config(None, {"DRIFTD_KAFKA__CLIENT__SASL_PASSWORD": f"{SECRET}\udcff"})
    assert caught.value.key == "DRIFTD_KAFKA__CLIENT__SASL_PASSWORD"
    assert SECRET not in str(caught.value)


def test_a_long_wrong_value_is_shown_by_its_beginning(tmp_path: Path) -> None:
    """A message stays readable; the beginning is enough to find the place."""
    path = tmp_path / "c.yaml"
    path.write_text(f"log: {{level: {'x' * 100_000}}}")
    with pytest.raises(ConfigurationError, match=r"log\.level: 'x{199}… is not valid: must be "):
        load_config(path, {})


def test_a_file_without_end_is_refused() -> None:
    """A device is read no further than a configuration may be long."""
    with pytest.raises(ConfigurationError, match=f"must be YAML of at most {MAX_CHARACTERS} characters"):
        load_config(Path("/dev/zero"), {})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x" * (MAX_CHARACTERS + 1), f"must be YAML of at most {MAX_CHARACTERS} characters"),
        ("[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH, f"nested deeper than {MAX_DEPTH} levels, aliases written out"),
        (f"[{'1,' * MAX_VALUES}]", f"more than {MAX_VALUES} values, aliases written out"),
        ("[&a [1], [*b]]", "found undefined alias 'b'"),
        ("&a [[*a]]", "an alias stands for what it lies in"),
        ("{a: 1, a: 2}", "the key 'a' stands here a second time"),
        ("2026-13-45", "what is written here is no timestamp"),
        ("18446744073709551616", "a whole number of more than 64 bits"),
        (r'"\ud800"', "a text with a null character or half a surrogate pair"),
    ],
    ids=["long", "deep", "many", "unknown", "loop", "twice", "no date", "large", "surrogate"],
)
def test_yaml_beyond_its_bounds_is_refused_with_the_place(text: str, reason: str) -> None:
    """One line says what is too much and where."""
    with pytest.raises(ValueError, match=r"^must be YAML") as caught:
        load_yaml(text)
    assert reason in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[" * (MAX_DEPTH - 1) + "1" + "]" * (MAX_DEPTH - 1), MAX_DEPTH - 1),
        ("{a: &x [1, 2], b: *x, c: {<<: {d: *x}}}", {"a": [1, 2], "b": [1, 2], "c": {"d": [1, 2]}}),
        (str(2**64 - 1), 2**64 - 1),
        ("", None),
    ],
    ids=["deep", "aliases", "large", "empty"],
)
def test_yaml_within_its_bounds_is_read(text: str, value: Any) -> None:
    """Aliases and merged mappings are for operators to use."""
    document = load_yaml(text)
    levels = 0
    while text.startswith("[[") and isinstance(document, list):
        levels, (document,) = levels + 1, document
    assert value == (levels or document)


def test_the_fuzzed_configuration_is_sound() -> None:
    """What is damaged above was whole before."""
    assert isinstance(load_config(None, {}, DOCUMENT), Config)
    assert ODD
