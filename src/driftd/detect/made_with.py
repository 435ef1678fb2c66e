"""The options that detectors were made with, read back from a snapshot."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from driftd.detect.settings import DETECTORS, DetectorSettings
from driftd.values.state import State


def made_with(signature: State) -> DetectorSettings:
    """Return the settings with this DetectorKit.signature; what is not named in it is off.

    A detector whose options this release does not know counts as off too, so that it begins anew.
    """
    return DetectorSettings.model_validate({name: _known(name, signature.get(name)) for name in DETECTORS})


def _known(name: str, options: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    try:
        DetectorSettings.model_validate({name: options})
    except ValidationError:
        return None
    return options
