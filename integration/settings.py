"""The hub's settings: ``config/hub.toml``, overridden by ``WAIVERHUB_*`` in the environment."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from schemas.configuration import ConfigFault, ConfigurationRefused, faults_of, read_toml


def packaged_config() -> Path:
    """Return the folder of the shipped configuration: inside the wheel, or beside the sources."""
    packaged = Path(str(files("integration"))) / "_config"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parent.parent / "config"


class Settings(BaseSettings):
    """Where things are and where its registry comes from; see ``config/hub.toml`` for each."""

    model_config = SettingsConfigDict(
        env_prefix="WAIVERHUB_", extra="forbid", frozen=True, hide_input_in_errors=True, env_ignore_empty=True
    )

    data_dir: Path
    database_url: str = ""
    keys_dir: str = ""
    homes_dir: str = ""
    sandbox: bool = False
    registry_source: str = Field(min_length=1, max_length=100)
    raw_retention_days: int = Field(ge=1, le=3650)
    audience: str = Field(min_length=1, max_length=200)
    language: str = Field(default="", pattern=r"^(|zh|en)$")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file; what a caller names wins over both."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_folder() / "hub.toml")

    @property
    def url(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'hub.sqlite').resolve()}"

    @property
    def keys(self) -> Path:
        """The folder of the keys."""
        return Path(self.keys_dir) if self.keys_dir else self.data_dir / "keys"

    @property
    def homes(self) -> Path:
        """The folder of the boxes that the hub keeps for its partners."""
        return Path(self.homes_dir) if self.homes_dir else self.data_dir / "homes"


def config_folder() -> Path:
    """Return the configuration in use: ``WAIVERHUB_CONFIG``, or the shipped one."""
    named = os.environ.get("WAIVERHUB_CONFIG")
    return Path(named) if named else packaged_config()


def load_settings() -> Settings:
    """Read the settings.

    Raises:
        ConfigurationRefused: with every fault at once.
    """
    path = config_folder() / "hub.toml"
    if not path.is_file():
        fault = ConfigFault(str(path), "", "is missing", "name a folder with hub.toml in WAIVERHUB_CONFIG")
        raise ConfigurationRefused([fault])
    read_toml(path.name, path.read_bytes())
    try:
        return Settings()  # type: ignore[call-arg]
    except ValidationError as error:
        raise ConfigurationRefused(faults_of("hub.toml or WAIVERHUB_*", error)) from None
