"""Which kernel runs, by what the environment says and by what is installed."""

import sys
from types import ModuleType

import pytest

from driftd.config.load import load_config
from driftd.config.model import Config
from driftd.errors import ConfigurationError
from driftd.summarise.choice import VARIABLE, kernel_in_use
from driftd.summarise.plain import PlainSummariser

COMPILED = "driftd.summarise.compiled"


@pytest.fixture
def not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without the compiled kernel."""
    monkeypatch.delitem(sys.modules, COMPILED, raising=False)
    monkeypatch.setitem(sys.modules, "driftd._kernel", None)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> type[PlainSummariser]:
    """An installation that has a compiled kernel: this class takes its place."""

    class Compiled(PlainSummariser):
        pass

    module = ModuleType(COMPILED)
    module.CompiledSummariser = Compiled  # type: ignore[attr-defined]  # a module is what is put into it
    monkeypatch.setitem(sys.modules, COMPILED, module)
    return Compiled


@pytest.mark.parametrize("wanted", [None, "auto", "rust"])
def test_compiled_kernel_runs_where_there_is_one(
    installed: type[PlainSummariser], wanted: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless Python is asked for; nothing has to be said for it."""
    monkeypatch.delenv(VARIABLE, raising=False)
    if wanted is not None:
        monkeypatch.setenv(VARIABLE, wanted)
    kernel = kernel_in_use()
    assert (kernel.name, kernel.reason, kernel.make) == ("rust", "", installed)


@pytest.mark.usefixtures("installed")
def test_python_runs_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is read at each call."""
    monkeypatch.setenv(VARIABLE, "rust")
    assert kernel_in_use().name == "rust"
    monkeypatch.setenv(VARIABLE, "python")
    kernel = kernel_in_use()
    assert (kernel.name, kernel.reason, kernel.make) == ("python", "DRIFTD_KERNEL says so", PlainSummariser)


@pytest.mark.usefixtures("not_installed")
def test_python_runs_where_there_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the reason says how to get the other."""
    monkeypatch.setenv(VARIABLE, "auto")
    kernel = kernel_in_use()
    assert (kernel.name, kernel.make) == ("python", PlainSummariser)
    assert kernel.reason == (
        "no compiled kernel: driftd was installed without it; "
        "a wheel brings it, or an installation where Rust is at hand"
    )


@pytest.mark.usefixtures("not_installed")
def test_a_kernel_that_is_not_there_cannot_be_insisted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is a wrong configuration, which says why it is not there."""
    monkeypatch.setenv(VARIABLE, "rust")
    with pytest.raises(ConfigurationError) as raised:
        kernel_in_use()
    assert str(raised.value).startswith(
        "DRIFTD_KERNEL: 'rust' is not valid: there is no compiled kernel: driftd was installed without it"
    )


def test_a_kernel_that_does_not_fit_the_system_is_told_from_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is the loader's own: which symbol or library is missing."""
    monkeypatch.delitem(sys.modules, COMPILED, raising=False)
    monkeypatch.setitem(sys.modules, "driftd._kernel", ModuleType("driftd._kernel"))  # it lacks every name
    monkeypatch.setenv(VARIABLE, "auto")
    kernel = kernel_in_use()
    assert kernel.name == "python"
    assert kernel.reason.startswith("no compiled kernel: cannot import name")


@pytest.mark.parametrize("wanted", ["", "Rust", "fast", "0"])
def test_nothing_else_can_be_chosen(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong word is refused and not taken for any of the three."""
    monkeypatch.setenv(VARIABLE, wanted)
    with pytest.raises(ConfigurationError) as raised:
        kernel_in_use()
    assert str(raised.value) == f"DRIFTD_KERNEL: {wanted!r} is not valid: must be auto, python or rust"


@pytest.mark.parametrize("wanted", ["auto", "python", "rust", "fast"])
def test_choice_is_no_setting(wanted: str) -> None:
    """The configuration neither takes the variable nor refuses it."""
    assert load_config(None, {VARIABLE: wanted}) == Config()
