"""The province's roll-up: ten cities, each verified by its own key; what is not verified is named and left out."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from reporting import bill, place_of, report, send
from typer.testing import CliRunner
from world import account, household, publish, roster, run, snapshot, take

from integration.cli import rolling_up
from integration.domain.settlement import difference
from integration.jobs.hub import Hub
from integration.jobs.roll_up import RollUp, roll_up
from integration.jobs.settle import export, settle
from integration.storage import settlements
from schemas import envelope
from schemas.settlements import Amount, Settlement, Terms, Totals
from schemas.values import Month, Service


def totals(amount_fen: int, quantity_milli: int = 3000) -> Totals:
    amount = Amount(1, quantity_milli, amount_fen)
    return Totals(reported=amount, accepted=amount, by_month={"2026-11": amount})


def public_pem(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class City:
    """A city that settles and exports, without a hub behind it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder / name
        self.folder.mkdir(parents=True)
        self.private = Ed25519PrivateKey.generate()
        self.pem = public_pem(self.private)
        (self.folder / "settlements.pub.pem").write_bytes(self.pem)

    def settles(
        self, *states: Totals, company: str = "city_water", month: str = "2026-11", service: Service = Service.WATER
    ) -> None:
        """Settle a month, and adjust it once for each further state of its totals."""
        before: bytes | None = None
        for n, now in enumerate(states):
            change = difference(now, states[n - 1] if n else Totals())
            made = Settlement(
                suite="std1", company=company, service=service, month=month, n=n, version=n + 1,
                created_at="2026-12-03T02:00:00+00:00", reports=(1,), totals=now, change=change,
                terms=Terms("reimbursed", "office", "company", change.accepted.amount_fen), open_items=(),
                predecessor=hashlib.sha256(before).hexdigest() if before else None,
                policy_sha256="0" * 64, tariff_sha256="0" * 64, key_id="0" * 8,
            )  # fmt: skip
            before = envelope.canonical(made)
            self.write(f"settlement-{company}-{month.replace('-', '')}-{n}", before)

    def write(self, name: str, content: bytes) -> None:
        (self.folder / f"{name}.json").write_bytes(content)
        (self.folder / f"{name}.sig").write_bytes(envelope.sign(self.private, content))

    def change(self, name: str, **values: object) -> None:
        """Change a settlement and sign it again, as the city itself could."""
        made = msgspec.json.decode((self.folder / f"{name}.json").read_bytes(), type=Settlement)
        self.write(name, envelope.canonical(msgspec.structs.replace(made, **values)))


@pytest.fixture
def cities(tmp_path: Path) -> dict[str, City]:
    """Ten cities: city n settles n fen for water, adjusted from 1, and 100 fen for gas."""
    made = {}
    for n in range(1, 11):
        city = made[f"city{n}"] = City(tmp_path, f"city{n}")
        city.settles(totals(1), totals(n))
        city.settles(totals(100), company="city_gas", service=Service.GAS)
    return made


def rolled(cities: dict[str, City]) -> RollUp:
    return roll_up([(name, city.folder) for name, city in cities.items()], {n: c.pem for n, c in cities.items()})


def codes(found: RollUp) -> list[tuple[str, str]]:
    return [(fault.city, fault.code) for fault in found.faults]


def test_ten_cities_are_verified_and_added_up(cities) -> None:
    found = rolled(cities)
    assert found.sound
    assert [(one.service, one.month, one.cities, one.totals.accepted) for one in found.sums] == [
        ("gas", "2026-11", 10, Amount(10, 30000, 1000)),
        ("water", "2026-11", 10, Amount(10, 30000, sum(range(1, 11)))),
    ]
    assert found.whole.totals.accepted == Amount(20, 60000, 1055)
    assert found.whole.totals.by_month == {"2026-11": Amount(20, 60000, 1055)}
    assert (found.whole.payable_fen, found.whole.companies) == (1055, 20)


def test_what_a_real_hub_exports_is_verified_with_its_own_key(sqlite_hub: Hub, tmp_path: Path) -> None:
    hub = sqlite_hub
    take(hub, snapshot([household(c, n, accounts={"city_water": f"W{n}"}) for n, c in enumerate("AB", 1)]))
    roster(hub, "city_water", [account(f"W{n}", n) for n in range(1, 3)])
    run(hub, "2026-11")
    publish(hub, "2026-11")
    hub.clock.set("2026-12-03T10:00:00+08:00")
    rows = [bill(c, place_of(hub, "city_water", c), "2026-11", 5000) for c in "AB"]
    for edition, some in ((1, rows[:1]), (2, rows)):
        kind = {} if edition == 1 else {"kind": "replace", "edition": edition}
        send(hub, report("2026-11", some, **kind))
        settle(hub, "city_water", Month(2026, 11), actor="tester")
    with hub.store.read() as connection:
        for one in settlements.settlements_of(connection):
            export(hub, one, tmp_path / "hangzhou")
    found = roll_up([("hangzhou", tmp_path / "hangzhou")], {"hangzhou": hub.ring.settlements.public_pem})
    assert codes(found) == []
    assert [(one.city, one.n, one.totals.accepted) for one in found.settled] == [("hangzhou", 1, Amount(2, 6000, 1320))]


WATER = "settlement-city_water-202611"


def cut(city: City) -> None:
    (city.folder / f"{WATER}-0.json").unlink()


def unsigned(city: City) -> None:
    (city.folder / f"{WATER}-1.sig").unlink()


def rewritten(city: City) -> None:
    path = city.folder / f"{WATER}-1.json"
    path.write_bytes(path.read_bytes().replace(b'"n":1', b'"n":2'))


def loose(city: City) -> None:
    content = (city.folder / f"{WATER}-1.json").read_bytes()
    city.write(f"{WATER}-1", json.dumps(json.loads(content)).encode())


def two_of_one_number(city: City) -> None:
    made = msgspec.json.decode((city.folder / f"{WATER}-1.json").read_bytes(), type=Settlement)
    city.write("another", envelope.canonical(msgspec.structs.replace(made, version=99)))


FAULTS: list[tuple[Callable[[City], None], set[str]]] = [
    (cut, {"NUMBER_GAP"}),
    (unsigned, {"SIGNATURE_MISSING", "ONE_UNVERIFIED"}),
    (rewritten, {"SIGNATURE_WRONG", "ONE_UNVERIFIED"}),
    (loose, {"NOT_CANONICAL", "ONE_UNVERIFIED"}),
    (two_of_one_number, {"NUMBER_TWICE"}),
    (lambda city: city.write(f"{WATER}-1", b"{}"), {"UNREADABLE", "ONE_UNVERIFIED"}),
    (lambda city: city.change(f"{WATER}-1", predecessor="0" * 64), {"PREDECESSOR_WRONG"}),
    (lambda city: city.change(f"{WATER}-0", version=7), {"PREDECESSOR_WRONG"}),
    (lambda city: city.change(f"{WATER}-1", totals=totals(9)), {"CHANGE_WRONG"}),
    (lambda city: city.change(f"{WATER}-1", service=Service.GAS), {"SERVICE_CHANGED"}),
    (lambda city: city.change(f"{WATER}-1", suite="std9"), {"UNREADABLE", "ONE_UNVERIFIED"}),
]


@pytest.mark.parametrize(("fault", "named"), FAULTS, ids=[",".join(sorted(named)) for _, named in FAULTS])
def test_a_month_that_is_not_verified_is_named_and_left_out(cities, fault, named) -> None:
    fault(cities["city7"])
    found = rolled(cities)
    assert set(codes(found)) == {("city7", code) for code in named}
    assert ("city7", "water") not in {(one.city, one.service) for one in found.settled}
    assert found.whole.totals.accepted == Amount(19, 57000, 1055 - 7)


def test_a_city_without_a_trusted_key_or_with_another_is_left_out(cities) -> None:
    pairs = [(name, city.folder) for name, city in cities.items()]
    keys = {name: city.pem for name, city in cities.items()}
    del keys["city1"]
    keys["city2"] = (
        Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    keys["city3"] = b"no key"
    (cities["city4"].folder / "settlements.pub.pem").unlink()  # what travels with the files is not what is trusted
    found = roll_up(pairs, keys)
    assert codes(found) == [("city1", "KEY_MISSING"), ("city2", "KEY_OTHER"), ("city3", "KEY_UNUSABLE")]
    assert found.whole.cities == 7


def test_no_city_counts_twice(cities, tmp_path) -> None:
    pairs = [(name, city.folder) for name, city in cities.items()]
    keys = {name: city.pem for name, city in cities.items()}
    again = roll_up([*pairs, ("city1", cities["city2"].folder)], keys)
    assert {code for _, code in codes(again)} == {"CITY_TWICE"}
    assert again.whole.cities == 9
    other_name = roll_up([*pairs, ("elsewhere", cities["city1"].folder)], keys | {"elsewhere": b"\n" + keys["city1"]})
    assert codes(other_name) == [("city1", "CITY_TWICE"), ("elsewhere", "CITY_TWICE")]
    assert other_name.whole.cities == 9


def test_an_empty_folder_is_named(tmp_path) -> None:
    city = City(tmp_path, "empty")
    assert codes(rolled({"empty": city})) == [("empty", "NOTHING_HERE")]


# --- the command -----------------------------------------------------------------------------------------------


@pytest.fixture
def command() -> Callable[..., tuple[int, str]]:
    def invoke(*words: object) -> tuple[int, str]:
        app = typer.Typer()
        app.command()(rolling_up.rollup)
        done = CliRunner().invoke(app, [str(word) for word in words], env={"WAIVERHUB_LANGUAGE": "en"})
        return done.exit_code, done.stdout

    return invoke


def test_the_command_gives_json_a_table_and_csv(cities, tmp_path, command) -> None:
    folders = [city.folder for city in cities.values()]
    (tmp_path / "trust").mkdir()
    for name, city in cities.items():
        (tmp_path / "trust" / f"{name}.pem").write_bytes(city.pem)
    code, out = command(*folders, "--trust", tmp_path / "trust", "--json", "--csv", tmp_path / "out.csv")
    assert (code, json.loads(out)["whole"]["totals"]["accepted"]["amount_fen"]) == (0, 1055)
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["accepted_amount_fen"]) for row in rows) == 1055
    assert {row["city"] for row in rows} == set(cities)
    code, out = command(*folders, "--trust", tmp_path / "trust")
    assert code == 0
    assert "¥10.55" in out


def test_the_command_ends_with_one_if_anything_is_left_out(cities, command) -> None:
    one, two = cities["city1"], cities["city2"]
    code, out = command(one.folder, two.folder, "--key", f"city1={one.folder / 'settlements.pub.pem'}")
    assert code == 1
    assert "city2: settlements.pub.pem: KEY_MISSING" in out
