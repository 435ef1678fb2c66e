"""Takes out of a snapshot the values that a configuration, stricter than the one it was made with, does not show.

What was written by the rules now in force stays as it is, to the byte. Categories are renamed to tokens; where
even those may not be seen, and for numbers, what was said is dropped: the counts it rested on are gone.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from driftd.references.profile import Profile
from driftd.values.hashing import text_hash
from driftd.values.keys import ColumnKey
from driftd.values.privacy import Shown, is_token, shown_of, token_of
from driftd.values.state import State
from driftd.values.verdict import ColumnVerdict

_RANK = re.compile(r"category [0-9]+")

SettingsOf = Callable[[str], Mapping[str, Shown]]
ProfileOf = Callable[[str], Profile | None]


def redact(records: Mapping[str, State], settings_of: SettingsOf, profile_of: ProfileOf) -> None:
    """Change the records in place: unseen texts of open windows, incidents, documents not delivered yet.

    What is to be changed is known by its fields, wherever in a record it stands. ``settings_of`` gives a model's
    settings, ``profile_of`` the masked profile that an id stands for.
    """
    for name, record in records.items():
        model = record["key"][0] if name.startswith("monitor/") else None
        for found in _objects(record):
            if {"reference", "unseen"} <= found.keys():  # a part
                found["unseen"] = _tokens(found["unseen"], profile_of(found["reference"]))
            elif {"reference", "columns"} <= found.keys():  # the carried columns of a monitor
                profile = profile_of(found["reference"])
                for column in found["columns"]:
                    column[-1] = _tokens(column[-1], profile)
            elif model is not None and {"name", "effect"} <= found.keys():  # a column of an incident
                _redact_effect(found["effect"], shown_of(found["name"], settings_of(model)))
            elif {"monitor", "suspects"} <= found.keys():  # a drift event's data
                for suspect in found["suspects"]:
                    _redact_effect(suspect, shown_of(suspect["column"], settings_of(found["monitor"]["model"])))
            elif {"model", "column", "unseen_texts"} <= found.keys():  # a window line
                shown = shown_of(found["column"], settings_of(found["model"]))
                found["unseen_texts"] = [item for item in found["unseen_texts"] if _may_stand(item[0], shown)]


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    """Yield all objects within plain data, the outer ones first."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from _objects(item)


def redact_verdicts(verdicts: dict[ColumnKey, ColumnVerdict], settings: Mapping[str, Shown]) -> None:
    """Take out of a monitor's newest verdicts what they tell of columns that are not shown; counts stay."""
    for key, verdict in verdicts.items():
        if shown_of(key.name, settings) is not Shown.SHOW:
            verdicts[key] = replace(verdict, effect=None, unseen_texts=())


def _tokens(unseen: list[list[Any]], profile: Profile | None) -> list[list[Any]]:
    """Return unseen texts ``[column, hash, text, events]`` as summarising against the profile would give them."""
    if profile is None:  # nothing is counted against it any more
        return []
    found = []
    for column, hashed, text, events in unseen:
        shown = profile.columns[column].shown
        if shown is not Shown.HIDE:
            found.append([column, hashed, text if shown is Shown.SHOW else token_of(hashed), events])
    return found


def _redact_effect(effect: dict[str, Any], shown: Shown) -> None:
    """Rename or drop what is told in a column's own units; rates are told in none."""
    if shown is Shown.SHOW:
        return
    for side in ("before", "after"):
        told = effect[side]
        if "quantiles" in told:
            effect[side] = {}
        elif "shares" in told:
            named = ((_name(category, shown), share) for category, share in told["shares"].items())
            told["shares"] = {category: share for category, share in named if category is not None}
    effect["bins"] = [told for one in effect["bins"] if (told := _bin(one, shown)) is not None]


def _bin(told: dict[str, Any], shown: Shown) -> dict[str, Any] | None:
    if "from" in told:
        return None
    category = told.get("category")
    if category is None:
        return told
    name = _name(category, shown)
    return None if name is None else {**told, "category": name}


def _name(category: str, shown: Shown) -> str | None:
    """Return what a category may be called, None if it may not be told apart from others."""
    if _may_stand(category, shown):
        return category
    return token_of(text_hash(category)) if shown is Shown.HASH else None


def _may_stand(text: str, shown: Shown) -> bool:
    """Tell whether a text is what masked columns say: a rank, or a token where tokens are shown."""
    return shown is Shown.SHOW or _RANK.fullmatch(text) is not None or (shown is Shown.HASH and is_token(text))
