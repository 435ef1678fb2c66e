"""What format 1 did not have, and what it wrote otherwise. Whole directories: tests/unit/runtime/test_upgrade.py."""

import copy
from typing import Any

import numpy as np

from driftd.snapshot.codec import FORMAT
from driftd.snapshot.upgrade import UPGRADES, from_1
from driftd.values.layout import sums_from_bytes, sums_to_bytes

SUMS = np.array([7, 0, 0, 0, 3, 4, 2**40, 0, 0, 0, 0, 0], dtype="<i8")
UNSEEN = [[0, 12, "XX", 1]]
RECORDS: dict[str, dict[str, Any]] = {
    "sources": {"window_ms": 60_000, "topics": {"t": "hash"}, "ledgers": [{"source": ["t", 0], "position": 3}]},
    "references": {"sets": []},
    "outbox": {"events": [{"id": 1}, {"id": 2}], "windows": [{"id": 3}]},
    "paging": {"incidents": ["abc"]},
    "shard/0": {
        "frontier_ms": 120_000,
        "accounts": {"observed": {"t": 1}, "late": {}, "over_limit": {}},
        "pending": {"parts": [{"events": 7, "sums": SUMS.tobytes().hex()}], "counted": [["t"]]},
        "monitors": [
            [["a", "1", "all"], {"reference": "r", "columns": [[2, 60_000, 1, SUMS.tobytes().hex(), UNSEEN]]}],
            [["b", "1", "all"], {"reference": "r", "columns": []}],
        ],
    },
    "monitor/a/1/all": {"key": ["a", "1", "all"], "shard": 0, "detect": {}, "incidents": {"window": [0, 60_000]}},
    "monitor/b/1/all": {"key": ["b", "1", "all"], "shard": 0, "detect": {}, "incidents": None},
}


def test_every_older_format_that_is_read_leads_to_todays() -> None:
    """There is a way from each to the next one, up to the newest."""
    assert list(range(min(UPGRADES), FORMAT)) == sorted(UPGRADES)


def test_upgrading_changes_nothing_that_it_was_given() -> None:
    """It is a function of the records."""
    given = copy.deepcopy(RECORDS)
    assert from_1(given) == from_1(given)
    assert given == RECORDS


def test_everything_in_an_older_outbox_waits_for_the_file() -> None:
    """There was nobody else to be told; an empty outbox waits for nobody."""
    assert {**RECORDS["outbox"], "waiting": {"file": 2}} == from_1(RECORDS)["outbox"]
    empty = {"events": [], "windows": [{"id": 3}]}
    assert {**empty, "waiting": {}} == from_1({**RECORDS, "outbox": empty})["outbox"]


def test_what_an_older_ledger_does_not_say_is_unknown() -> None:
    """How many events it summed into open windows, it did not count; of gaps there were none."""
    sources = from_1(RECORDS)["sources"]
    ledger = {**RECORDS["sources"]["ledgers"][0], "open_events": None, "lost": 0, "gap": None}
    assert {**RECORDS["sources"], "lateness_ms": 0, "topic_ids": {}, "ledgers": [ledger]} == sources


def test_a_monitors_silence_begins_with_its_newest_window() -> None:
    """It is the one that incidents saw; where they saw none, the newest that is closed."""
    monitors = from_1(RECORDS)["shard/0"]["monitors"]
    told = [(monitor["key"][0], monitor["newest_ms"], monitor["own"]) for monitor in monitors]
    assert [("a", 60_000, True), ("b", 120_000, True)] == told


def test_sums_are_the_same_in_todays_form() -> None:
    """Of parts that wait and of columns that are carried; everything else about them is kept."""
    shard = from_1(RECORDS)["shard/0"]
    written = sums_to_bytes(SUMS.astype(np.int64)).hex()
    assert SUMS.tolist() == sums_from_bytes(bytes.fromhex(written)).tolist()
    assert {"parts": [{"events": 7, "sums": written}], "counted": [["t"]]} == shard["pending"]
    assert {"reference": "r", "columns": [[2, 60_000, 1, written, UNSEEN]]} == shard["monitors"][0]["carry"]


def test_records_that_are_the_same_in_both_formats_are_kept() -> None:
    """Dead letters there were none, and no gaps."""
    upgraded = from_1(RECORDS)
    same = ("references", "paging", "monitor/a/1/all", "monitor/b/1/all")
    assert {name: RECORDS[name] for name in same} == {name: upgraded[name] for name in same}
    assert ({}, []) == (upgraded["dead_letters"], upgraded["shard/0"]["gaps"])
    assert {**RECORDS["shard/0"]["accounts"], "kept": {}} == upgraded["shard/0"]["accounts"]
