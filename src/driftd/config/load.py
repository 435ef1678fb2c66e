"""Reading the configuration: options of the command line, over the environment, over one file, over defaults."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from driftd.config.contradictions import contradictions
from driftd.config.environment import as_tree, read_variables
from driftd.config.explain import combined, explain
from driftd.config.model import Config
from driftd.config.yaml_file import read_yaml

FILE_VARIABLE = "DRIFTD_CONFIG"


class _Tree(PydanticBaseSettingsSource):
    """Nested values as one of pydantic-settings' sources."""

    def __init__(self, settings_cls: type[BaseSettings], values: Mapping[str, Any]) -> None:
        super().__init__(settings_cls)
        self._values = dict(values)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 -- the base class's signature
        """Return one section's values."""
        return self._values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return self._values


def load_config(path: Path | None, env: Mapping[str, str], overrides: Mapping[str, Any] | None = None) -> Config:
    """Read the configuration.

    ``path``, else the file that ``DRIFTD_CONFIG`` names, else no file; over it the variables
    ``DRIFTD_SECTION__KEY`` of ``env``; over both ``overrides``, nested by section, as the options of a command
    give them. Mappings are merged key by key, lists are replaced. Raises one ConfigurationError that lists
    everything that is wrong; secrets in it are masked.
    """
    option = "--config" if path is not None else FILE_VARIABLE
    if path is None and env.get(FILE_VARIABLE):
        path = Path(env[FILE_VARIABLE])
    file = {} if path is None else read_yaml(path, option)
    variables = read_variables(Config, env)
    trees = (dict(overrides or {}), as_tree(variables), file)

    class Loaded(BaseSettings, Config):
        """A Config made from these sources alone: pydantic-settings' own look at the environment is left out."""

        model_config = SettingsConfigDict(frozen=True, extra="forbid")

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- pydantic-settings' own sources, all left out
            env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            """Return the three sources, the strongest first."""
            return tuple(_Tree(settings_cls, tree) for tree in trees)

    try:
        loaded = Loaded()
    except ValidationError as error:
        raise explain(Config, error, trees, {v.path: v.name for v in variables}) from None
    config = Config.model_construct(loaded.model_fields_set, **dict(loaded))
    if wrong := contradictions(config):
        raise combined(wrong)
    return config
