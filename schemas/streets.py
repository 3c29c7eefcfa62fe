"""Streets that were renamed: both names become the present one before addresses are compared (case 64)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Self

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.configuration import ConfigFault, ConfigurationRefused, faults_of

_Name = Annotated[str, Field(min_length=2, max_length=40)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class _Renaming(_Strict):
    old: _Name
    new: _Name
    since: date
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _another_name(self) -> Self:
        if self.old == self.new:
            raise ValueError("old and new are one name")
        return self


class _File(_Strict):
    renamed: tuple[_Renaming, ...] = ()


class Streets:
    """The present name of every renamed street; ``sha256`` names the whole of them.

    A street has one set of numbers under either name, so an old name is read as the new one whenever it was written.
    """

    def __init__(self, renamed: Mapping[str, str] | None = None) -> None:
        self._present = {old: _followed(renamed, old) for old in renamed} if renamed else {}
        longest_first = sorted(map(re.escape, self._present), key=len, reverse=True)
        self._old = re.compile("|".join(longest_first)) if longest_first else None
        self.sha256 = hashlib.sha256(msgspec.json.encode(self._present, order="sorted")).hexdigest()

    def present(self, text: str) -> str:
        """Return an address with the present names of its streets."""
        return self._old.sub(lambda found: self._present[found[0]], text) if self._old else text


def _followed(renamed: Mapping[str, str], name: str) -> str:
    """Follow a street through all its names; ``load_streets`` has seen that none comes back."""
    while name in renamed:
        name = renamed[name]
    return name


def load_streets(file: str, parsed: Mapping[str, Any]) -> Streets:
    """Check the renamed streets.

    Raises:
        ConfigurationRefused: with every fault: a street renamed twice from one name, or back to a name it had.
    """
    try:
        renamings = _File.model_validate(parsed).renamed
    except ValidationError as error:
        raise ConfigurationRefused(faults_of(file, error)) from None
    renamed: dict[str, str] = {}
    faults = []
    for number, one in enumerate(renamings):
        if one.old in renamed:
            faults.append(ConfigFault(file, f"renamed.{number}.old", "is renamed twice", "keep one of them"))
        elif _followed(renamed, one.new) == one.old:
            faults.append(
                ConfigFault(file, f"renamed.{number}.new", "leads back to the old name", "keep the last name")
            )
        else:
            renamed[one.old] = one.new
    if faults:
        raise ConfigurationRefused(faults)
    return Streets(renamed)


#: No street was ever renamed.
NO_STREETS = Streets()
