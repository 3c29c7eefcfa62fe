"""Random histories of a bureau, as the files that it would send: what the tests of convergence shuffle."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from world import delta, household, snapshot

_DAYS = (20260105, 20260210, 20260315, 20260401, 20260520, 20260615, 20260701, 20260820, 20260915, 20261010)
_CATEGORIES = ("dibao_urban", "dibao_rural", "tekun")


@dataclass
class Bureau:
    """What the bureau itself holds while it writes; every record and snapshot takes the next position."""

    position: int = 100
    today: int = 0
    live: dict[str, dict[str, Any]] = field(default_factory=dict)
    ended: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: list[bytes] = field(default_factory=list)
    born: int = 0

    def step(self, action: str, pick: int, when: int) -> None:
        """Do one thing and write the file that tells of it; what is not possible now is left out."""
        self.position += 1
        self.today = min(self.today + 1, len(_DAYS) - 1)
        known = sorted(self.live) if action != "return" else sorted(self.ended)
        if action == "grant":
            self._grant(when)
        elif action == "snapshot" and self.live:  # an empty one lacks a district, which is the brake's business
            self._send(
                snapshot(list(self.live.values()), position=self.position, as_of=_DAYS[self.today], month=self._month())
            )
        elif action != "snapshot" and known:
            self._change(action, known[pick % len(known)], when)

    def _month(self) -> str:
        return f"{_DAYS[self.today] // 10000}-{_DAYS[self.today] // 100 % 100:02d}"

    def _grant(self, when: int) -> None:
        self.born += 1
        number, start = f"C{self.born}", _DAYS[min(when, self.today)]
        self.live[number] = household(number, self.born, valid_from=start, version=self.position, grant=True)
        self._tell(self.live[number])

    def _change(self, action: str, number: str, when: int) -> None:
        changed = {**(self.live | self.ended)[number], "source_version": self.position, "record": "change"}
        changed["effective_on"] = _DAYS[min(when, self.today)]
        if action == "end":
            changed["status"] = "ended"
            self.ended[number] = changed
            self.live.pop(number)
        elif action == "lose":  # the bureau drops it and says nothing: the next snapshot is silent
            self.live.pop(number)
            return
        elif action == "return":
            changed["status"] = "active"
            self.live[number] = changed
            self.ended.pop(number)
        elif action == "reissue":
            first, *rest = changed["certificates"]
            changed["certificates"] = [{**first, "number": f"{first['number']}r"}, first, *rest]
            self.live[number] = changed
        else:
            changed["category"] = _CATEGORIES[self.position % len(_CATEGORIES)]
            self.live[number] = changed
        self._tell(changed)

    def _tell(self, record: dict[str, Any]) -> None:
        self._send(delta([record], position=self.position, as_of=_DAYS[self.today], month=self._month()))

    def _send(self, content: bytes) -> None:
        self.files.append(content)


_ACTIONS = st.sampled_from(["grant", "grant", "change", "end", "lose", "return", "reissue", "snapshot", "snapshot"])


@st.composite
def histories(draw: st.DrawFn) -> list[bytes]:
    """Files of a random history, in the order in which they were written."""
    bureau = Bureau()
    bureau.step("grant", 0, 0)
    steps = draw(st.lists(st.tuples(_ACTIONS, st.integers(0, 5), st.integers(0, 9)), min_size=3, max_size=9))
    for action, pick, when in steps:
        bureau.step(action, pick, when)
    return bureau.files
