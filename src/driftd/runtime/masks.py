"""What the configuration lets be seen of each model's values, applied to profiles."""

from collections.abc import Iterable, Mapping

from structlog.typing import FilteringBoundLogger

from driftd.config.model import Config
from driftd.references.masking import mask, unknown_names
from driftd.references.profile import Profile
from driftd.values.privacy import Shown


class Masks:
    """Masks profiles by ``models.MODEL.columns.NAME.values``."""

    def __init__(self, config: Config, log: FilteringBoundLogger) -> None:
        self._log = log
        self._settings = {
            model: {name: column.values for name, column in settings.columns.items()}
            for model, settings in config.models.items()
            if settings.columns
        }
        self._told: set[tuple[str, ...]] = set()

    def __bool__(self) -> bool:
        return any(shown is not Shown.SHOW for settings in self._settings.values() for shown in settings.values())

    def settings_of(self, model: str) -> Mapping[str, Shown]:
        """Return a model's settings by the names of columns."""
        return self._settings.get(model, {})

    def apply(self, profile: Profile) -> Profile:
        """Return the profile masked. A name that it has no column for is logged: versions may differ in columns.

        Raises ProfileError if two categories have the same hash.
        """
        settings = self.settings_of(profile.model)
        unknown = unknown_names(profile, settings)
        if unknown and self._is_news(profile.model, profile.version_or_none, *unknown):
            self._log.warning(
                "settings name no column of the profile",
                model=profile.model,
                version=profile.version_or_none,
                columns=list(unknown),
            )
        return mask(profile, settings)

    def check_models(self, profiles: Iterable[Profile]) -> None:
        """Log the models that have settings for columns and no profile: a name may be misspelt."""
        for model in sorted(self._settings.keys() - {profile.model for profile in profiles}):
            if self._is_news(model):
                self._log.warning("settings name a model that has no profile", model=model)

    def _is_news(self, *names: str) -> bool:
        known = names in self._told
        self._told.add(names)
        return not known
