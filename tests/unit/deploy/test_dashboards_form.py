"""The form of the shipped dashboards: how they are written, laid out, linked and marked."""

import itertools
import json
import re

import pytest
import yaml

from dashboards import FILES, FOLDER, annotations, links, load, panels, selectors, variables_in

UIDS = {"daemon": "driftd-daemon", "fleet": "driftd-fleet", "model": "driftd-model"}
COLUMNS_OF_THE_GRID = 24

every_dashboard = pytest.mark.parametrize("name", FILES)


def test_there_are_three_with_ids_that_stay() -> None:
    """Links in alerts and bookmarks rest on the ids."""
    assert UIDS == {name: load(name)["uid"] for name in FILES}


@every_dashboard
def test_files_are_written_one_way(name: str) -> None:
    """Two spaces, keys in order: a change shows as what it is."""
    canonical = json.dumps(load(name), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert canonical == FILES[name].read_text(encoding="utf-8")


@every_dashboard
def test_nobody_edits_them_in_place(name: str) -> None:
    """They come from files, so a change in Grafana would be lost; the crosshair is shared by all panels."""
    document = load(name)
    assert (False, None, 39, ["driftd"]) == tuple(document[key] for key in ("editable", "id", "schemaVersion", "tags"))
    assert 1 == document["graphTooltip"]
    assert document["title"].startswith("driftd / ")
    assert document["description"].endswith(".")


@every_dashboard
def test_panels_have_ids_and_places_of_their_own(name: str) -> None:
    """No id occurs twice, and no two panels overlap or leave the grid."""
    found = load(name)["panels"]
    assert len({panel["id"] for panel in found}) == len(found)
    taken: dict[tuple[int, int], str] = {}
    for panel in found:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= COLUMNS_OF_THE_GRID, panel["title"]
        across, down = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        for cell in itertools.product(across, down):
            assert cell not in taken, f"{panel['title']} lies over {taken.get(cell)}"
            taken[cell] = panel["title"]


@every_dashboard
def test_links_keep_what_was_chosen(name: str) -> None:
    """Dashboards link to each other by tag, with variables and time; links in panels name a dashboard that exists."""
    document = load(name)
    (others,) = [link for link in document["links"] if link["type"] == "dashboards"]
    assert (["driftd"], True, True) == (others["tags"], others["includeVars"], others["keepTime"])
    for panel in panels(document):
        for link in links(panel):
            if link["url"].startswith("/"):
                target = link["url"].removeprefix("/d/").split("?")[0]
                assert target in UIDS.values(), link["url"]
                passed = set(re.findall(r"var-(\w+)=", link["url"])) | variables_in(link["url"])
                assert {"__url_time_range", "datasource", "namespace", "job"} <= passed, link["url"]
            else:
                assert link["url"].startswith("${external_url:raw}/"), link["url"]


@every_dashboard
def test_incidents_are_marked_in_every_panel(name: str) -> None:
    """Annotations show how long an incident was open, and where its onset is estimated to be."""
    incidents, onsets = annotations(load(name))
    assert "driftd_incident_firing{" in incidents["expr"]
    assert "driftd_incident_onset_timestamp_seconds{" in onsets["expr"]
    assert onsets["expr"].endswith("* 1000"), "Grafana takes milliseconds"
    assert (False, True) == (incidents["useValueForTime"], onsets["useValueForTime"])


@every_dashboard
def test_states_have_a_text_and_a_colour(name: str) -> None:
    """Where a query makes numbers of states, every state has its mapping."""
    for panel in panels(load(name)):
        for target in panel["targets"]:
            asked = [{label: value for label, _, value in one.matchers} for one in selectors(target["expr"])]
            if "\n  or 2 * " not in target["expr"]:
                continue
            coded = [one["state"].replace("_", " ") for one in asked if "|" not in one["state"]]
            config = panel["fieldConfig"]
            shown = [config["defaults"]["mappings"]]
            shown += [p["value"] for o in config["overrides"] for p in o["properties"] if p["id"] == "mappings"]
            (options,) = [one[0]["options"] for one in shown if one]
            assert coded == [options[str(at)]["text"] for at in range(1, len(options) + 1)], panel["title"]
            assert all(option["color"] for option in options.values())


@every_dashboard
def test_tables_name_their_columns(name: str) -> None:
    """Every value of a table that several queries fill is renamed, and what sorts or formats it exists."""
    for panel in panels(load(name)):
        if panel["type"] != "table":
            continue
        *_, organize = panel["transformations"]
        renamed = organize["options"]["renameByName"]
        if len(panel["targets"]) > 1:
            assert {f"Value #{target['refId']}" for target in panel["targets"]} == renamed.keys()
        existing = {*renamed.values(), *organize["options"]["indexByName"]}
        named = [override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]]
        assert {*named, *(one["displayName"] for one in panel["options"]["sortBy"])} <= existing, panel["title"]


def test_provisioning_finds_them() -> None:
    """The provider reads the folder that compose mounts, and lets nobody change what it finds there."""
    provisioning = FOLDER.parent / "provisioning"
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "driftd.yaml").read_text())["providers"]
    assert "/var/lib/grafana/dashboards" == provider["options"]["path"]
    assert (False, True) == (provider["allowUiUpdates"], provider["disableDeletion"])
    sources = yaml.safe_load((provisioning / "datasources" / "driftd.yaml").read_text())["datasources"]
    assert ["prometheus"] == [source["type"] for source in sources if source.get("isDefault")]
