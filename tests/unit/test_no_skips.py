"""The plugin that forbids skipping on CI, run on a small suite of its own."""

import pytest

import no_skips

pytest_plugins = ("pytester",)

SUITE = """
    import pytest

    @pytest.fixture
    def broker():
        pytest.skip("no broker here")

    @pytest.mark.kafka
    def test_skips_in_its_fixture(broker):
        pass

    @pytest.mark.prometheus
    def test_skips_itself():
        pytest.skip("no prometheus here")

    @pytest.mark.shared_data
    @pytest.mark.skipif(True, reason="no data here")
    def test_skips_by_a_mark():
        pass

    @pytest.mark.kafka
    @pytest.mark.xfail
    def test_is_expected_to_fail():
        assert False

    def test_needs_nothing_that_ci_installs():
        pytest.skip("not on this system")
"""
WHOLE_MODULE = """
    import pytest

    pytest.importorskip("no_module_has_this_name")
"""


def outcomes(pytester: pytest.Pytester, suite: str) -> dict[str, int]:
    """Run a suite under the plugin and return how many tests ended how."""
    pytester.makeini("[pytest]\nmarkers =\n" + "".join(f"    {name}: must run\n" for name in no_skips.MUST_RUN))
    pytester.makepyfile(suite)
    return pytester.runpytest_inprocess(plugins=[no_skips]).parseoutcomes()


@pytest.fixture(autouse=True)
def without_other_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading every installed plugin would take most of the time."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def test_on_ci_every_skip_of_a_test_that_must_run_is_a_failure(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It makes no difference where the skip comes from; expected failures and other skips stay what they are."""
    monkeypatch.setenv("CI", "true")
    # pytest calls the failure of a fixture an error
    assert outcomes(pytester, SUITE) == {"errors": 2, "failed": 1, "skipped": 1, "xfailed": 1}


def test_elsewhere_every_skip_stays_a_skip(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without CI set, a test whose outside program is missing skips."""
    monkeypatch.delenv("CI", raising=False)
    assert outcomes(pytester, SUITE) == {"skipped": 4, "xfailed": 1}


@pytest.mark.parametrize(("ci", "expected"), [("true", {"errors": 1}), ("", {"skipped": 1})])
def test_a_whole_module_may_skip_only_off_ci(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: str, expected: dict[str, int]
) -> None:
    """A module that skips while it is imported hides its tests' marks, so it may not do so on CI."""
    monkeypatch.setenv("CI", ci)
    assert outcomes(pytester, WHOLE_MODULE) == expected
