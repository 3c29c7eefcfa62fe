"""A call: an endpoint, who asks, and what they ask, checked and ready to be answered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from aiohttp import web
from sqlalchemy import Connection

from integration.domain.rights import Right
from integration.jobs.hub import Hub
from integration.jobs.machine_access import Machine
from integration.jobs.sign_in import Person
from integration.web.endpoints import Endpoint, Model
from integration.web.problems import Problem
from integration.web.spool import Spool

if TYPE_CHECKING:
    from integration.web.door import Door

_Model = TypeVar("_Model", bound=Model)


@dataclass(frozen=True)
class Principal:
    """Who asks. ``party`` is the company's code or the registry's source: the credential's, never a parameter."""

    actor: str
    rights: frozenset[Right]
    party: str = ""
    districts: frozenset[str] = frozenset()

    @classmethod
    def of_person(cls, person: Person, rights: frozenset[Right]) -> Principal:
        """Return a person as who asks."""
        return cls(person.name, rights, person.company or "", person.districts)

    @classmethod
    def of_machine(cls, machine: Machine) -> Principal:
        """Return a machine as who asks; no person's name holds a colon."""
        return cls(f"client:{machine.client_id}", machine.rights, machine.party)

    def sees(self, district: str) -> bool:
        """Tell whether a district is one of theirs; without any, all are."""
        return not self.districts or district in self.districts


@dataclass(frozen=True)
class Call:
    """A call on its way through an endpoint's work."""

    door: Door
    hub: Hub
    endpoint: Endpoint
    request: web.Request
    principal: Principal
    language: str
    query: Model | None = None
    body: Any = None
    key: str = ""
    request_mac: bytes = b""

    def number(self, name: str) -> int:
        """Return a path parameter that is a number."""
        return int(self.request.match_info[name])

    def word(self, name: str) -> str:
        """Return a path parameter."""
        return self.request.match_info[name]

    def asked(self, model: type[_Model]) -> _Model:
        """Return the parameters of the address."""
        if not isinstance(self.query, model):
            raise TypeError(self.endpoint.name)
        return self.query

    def said(self, model: type[_Model]) -> _Model:
        """Return the body."""
        if not isinstance(self.body, model):
            raise TypeError(self.endpoint.name)
        return self.body

    @property
    def file(self) -> Spool:
        """The file that came."""
        return cast("Spool", self.body)

    def within(self, connection: Connection) -> Call:
        """Return the call as it is inside a transaction."""
        return replace(self, hub=self.hub.within(connection))


def found(value: Any) -> Any:
    """Return a value that must be there.

    Raises:
        Problem: it is not there, or another's: both are one answer.
    """
    if value is None:
        raise Problem("NOT_FOUND")
    return value


def asked_company(call: Call, company: str) -> str:
    """Return the code of a company that somebody of the office names.

    Raises:
        Problem: there is none.
    """
    if company not in call.hub.companies:
        raise Problem("NOT_FOUND")
    return company
