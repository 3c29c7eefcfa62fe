"""A year with every partner in its own tongue, over its own way: nothing is left over, and nothing is wrong.

City water fetches and lays files in its folder with the hub, the suburb pulls by the API and sends its report there,
gas is pushed its lists and lays its report, heating and power lay their customers, civil affairs its nightly snapshot.
The clock of the hub does all the rest.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from callers import let_everybody_in
from fake_clock import FakeClock
from partners_year import GasWorks, Suburb, Waterworks
from reporting import balance_of, kinds
from serving import served
from world import household, run, snapshot

from integration.app import compose
from integration.domain.rights import ClientKind
from integration.jobs.hub import Hub
from integration.jobs.machine_access import issue_token
from integration.jobs.manage_clients import add_client
from integration.jobs.settle import settle
from integration.scheduler.clockwork import Clockwork
from integration.settings import Settings, config_folder
from integration.storage import collected, outbox
from integration.storage.engine import Store
from integration.web.door import Options
from integration.web.server import make_app
from schemas.values import Month

FIRST = Month(2026, 11)
SAMPLES = Path(__file__).parents[1] / "adapters" / "samples"
#: Households by number: the city's waterworks supplies the first three, the suburb's the others, gas everybody.
CITY, SUBURB = (1, 2, 3), (4, 5, 6)
BOXES = ("city_water", "city_gas", "city_heating", "city_power", "civil_affairs")
CARDS = ("G1", "G2")
CARD = {"meter": "prepaid", "cycle": "top_up"}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped configuration, with one price the whole year: what a change of price does is shown elsewhere."""
    folder = tmp_path / "config"
    shutil.copytree(config_folder(), folder)
    for name, old, new in (("city_water", "2027-01-11", "2030-01-01"), ("suburb_water", "2026-11-11", "2026-01-01")):
        path = folder / "companies" / f"{name}.toml"
        text = path.read_text(encoding="utf-8")
        assert f"from = {old}" in text
        path.write_text(text.replace(f"from = {old}", f"from = {new}"), encoding="utf-8")
    monkeypatch.setenv("WAIVERHUB_CONFIG", str(folder))
    return folder


@pytest.fixture
def gas(config: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GasWorks]:
    made = GasWorks(config)
    monkeypatch.setenv("CITY_GAS_TOKEN", "a token of the year")
    monkeypatch.setenv("CITY_GAS_URL", made.url)
    yield made
    made.close()


@pytest.fixture
def city(gas: GasWorks, sqlite_template: Path, ring, tmp_path: Path) -> Iterator[Hub]:
    shutil.copyfile(sqlite_template, tmp_path / "hub.db")
    store = Store.open(f"sqlite:///{tmp_path / 'hub.db'}")
    clock = FakeClock.at("2026-10-20T20:00:00+08:00")
    yield compose(store, ring, Settings(data_dir=tmp_path), clock=clock)  # type: ignore[call-arg]
    store.close()


#: What may be found of these partners: nobody sends a second roster, and the suburb fetches its list a month later.
LATER = {"no_roster", "not_collected"}


class Hands:
    """Everybody's hands through the year: the hub's clock, and what lies in whose folder."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.clockwork = Clockwork(hub, owner="a")

    def until(self, text: str) -> None:
        """Let the hub's clock come to an instant, and do what is due by then."""
        self.hub.clock.set(text)
        self.clockwork.tick()
        self.clockwork.deliver()

    def lay(self, partner: str, name: str, content: bytes) -> None:
        part = self.hub.homes / partner / "in" / f".{name}"
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.rename(part.with_name(name))

    def collect(self) -> None:
        """Look into all boxes: once, again when what lies there has settled, and to lay back what came of it."""
        for _ in range(3):
            for partner in BOXES:
                self.clockwork.collect(partner)
            self.clockwork.tick()
            self.hub.clock.advance(minutes=2)


def registry_of(position: int, as_of: int) -> bytes:
    people = [
        household(f"A{n}", n, accounts={"city_gas": f"G{n}", ("city_water" if n in CITY else "suburb_water"): f"W{n}"})
        for n in (*CITY, *SUBURB)
    ]
    return snapshot(people, position=position, as_of=as_of)


@pytest.mark.parametrize("months", [3, pytest.param(12, marks=pytest.mark.soak)])
def test_months_with_every_partner_in_its_own_tongue(
    city: Hub, config: Path, gas: GasWorks, tmp_path: Path, months: int
) -> None:
    """Three months by default, the year by marker."""
    hands, played = Hands(city), [FIRST.plus(turn) for turn in range(months)]
    let_everybody_in(city, tmp_path / "tokens.json")
    secret = add_client(city, client_id="suburb", title="x", kind=ClientKind.COMPANY, party="suburb_water", actor="sec")
    with served(make_app(city, Options(folder=tmp_path / "service", rate_per_s=10_000, burst=10_000))) as url:
        suburb = Suburb(config, url, "suburb", secret or "", tmp_path / "suburb")
        form = {"grant_type": "client_credentials", "client_id": "suburb", "client_secret": secret or ""}
        water = Waterworks(config, city.homes / "city_water")
        every_two = {"cycle": "bimonthly_odd"}
        hands.lay(
            "city_water", "CITYWATER_YH_20261020.txt", water.roster({f"W{n}": n for n in CITY}, lambda _: every_two)
        )
        customers = {f"G{n}": n for n in (*CITY, *SUBURB)}
        hands.lay(
            "city_gas", "CITYGAS_YH_20261020.dat", gas.roster(customers, lambda one: CARD if one in CARDS else {})
        )
        hands.lay("civil_affairs", "registry-20261020.ndjson", registry_of(10, 20261020))
        for partner, name in (("city_heating", "CITYHEAT_20261020.xlsx"), ("city_power", "CITYPOWER_YH_20261020.xml")):
            hands.lay(partner, name, (SAMPLES / f"{partner}.roster{Path(name).suffix}").read_bytes())
        hands.collect()
        token = issue_token(city, form, audience="waiverhub").access_token
        send_roster(url, token, suburb.roster({f"W{n}": n for n in SUBURB}, lambda _: {}))
        hands.collect()
        run(city, str(FIRST))  # a ledger is begun by a person
        for turn, month in enumerate(played):
            hands.until(f"{month.plus(-1)}-25T09:00:00+08:00")
            for program in (water, suburb):
                program.fetch()
            after = month.plus(1)
            hands.until(f"{after}-03T10:00:00+08:00")
            hands.lay("civil_affairs", f"registry-{int(after)}03.ndjson", registry_of(20 + turn, int(after) * 100 + 3))
            hands.lay("city_water", f"CITYWATER_HP_{int(month)}_1.txt", water.report(month, water.month(month, FIRST)))
            hands.lay(
                "city_gas",
                f"CITYGAS_HP_{int(month)}_1.json",
                gas.report(month, gas.month(turn, month, CARDS.__contains__)),
            )
            token = issue_token(city, form, audience="waiverhub").access_token
            assert suburb.send(token, suburb.report(month, suburb.month(month)), f"report-{month}") == 202
            hands.collect()
            hands.until(f"{after}-11T07:00:00+08:00")
            assert set(kinds(city)) <= LATER, month
    everything_adds_up(city, played)
    every_file_and_message_arrived(city, gas, months + 1)  # that of the next month is out already


def send_roster(url: str, token: str, content: bytes) -> None:
    from urllib.request import Request, urlopen

    head = {"Authorization": f"Bearer {token}", "Idempotency-Key": "roster", "Content-Type": "application/octet-stream"}
    with urlopen(Request(f"{url}/v1/rosters", data=content, headers=head), timeout=60) as answer:
        assert answer.status == 202


def everything_adds_up(hub: Hub, months: list[Month]) -> None:
    """Every allowance is drawn once its bill is due, and every month settles."""
    for company, households in (("city_water", 3), ("suburb_water", 3), ("city_gas", 6)):
        for month in months[:-1] if company == "city_water" and months[-1].number % 2 == 0 else months:
            assert balance_of(hub, str(month), company) == {"listed": 3000 * households, "drawn": 3000 * households}
        for month in months:
            settle(hub, company, month, actor="supervisor")
    assert set(kinds(hub)) <= LATER


def every_file_and_message_arrived(hub: Hub, gas: GasWorks, lists: int) -> None:
    with hub.store.read() as connection:
        sent = outbox.outbox_lines(connection, 1000)
        files = collected.exchanged(connection, 1000, None)
    assert {one.state for one in sent} == {"delivered"}
    assert {(one.state, one.answer) for one in files if one.way == "in"} == {("returned", "applied")}
    assert len(gas.calls) == len(set(gas.calls)) == lists
    for partner in BOXES:
        assert [path.name for folder in ("in", "reject") for path in (hub.homes / partner).glob(f"{folder}/*")] == []
