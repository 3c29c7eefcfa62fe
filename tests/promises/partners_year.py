"""The programs of three companies for a year: each gets its lists on its own way, and reports in its own form."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

from world import address_of, id_of, name_of

from adapters.dialects.spec import ReportFile, RosterFile
from adapters.dialects.writing import TableWriter
from schemas.configuration import read_toml
from schemas.values import Month

PULL = Path(__file__).parents[2] / "docs" / "examples" / "pull_lists.py"
Row = dict[str, Any]


class Price(NamedTuple):
    """What a company charges for a cubic metre, in 1/10,000 yuan."""

    version: str
    e4: int

    def of(self, milli: int) -> int:
        return (milli * self.e4 + 50_000) // 100_000


class Billing:
    """What a billing program knows: the newest reference of each account, and the number of its newest list."""

    def __init__(self, code: str, price: Price, config: Path) -> None:
        self.code, self.price = code, price
        content = read_toml(code, (config / "companies" / f"{code}.toml").read_bytes())
        self._writer = TableWriter(ReportFile.model_validate(content["report"]))
        self._roster = TableWriter(RosterFile.model_validate(content["roster"]))
        self.listed: dict[str, str] = {}
        self.number = 0

    def roster(self, customers: dict[str, int], of: Callable[[str], Row]) -> bytes:
        """Write its customers, by account number and person; ``of`` says what else is so of an account."""
        common = {"state": "open", "domestic": True, "meter": "metered", "cycle": "monthly", "opened_on": 20150601}
        rows = (
            {"account": number, "holder_name": name_of(n), "holder_id": id_of(n), "address": address_of(n)}
            | {**common, "low_income": False, **of(number)}
            for number, n in customers.items()
        )
        return b"".join(self._roster.write({"created_on": 20261020}, rows))

    def take(self, number: int, rows: Iterable[tuple[str, str]]) -> None:
        """Remember a list: reference and account of each row."""
        self.number = number
        self.listed |= {account: reference for reference, account in rows}

    def bill(self, account: str, month: Month, use: int, waived: int, months: int = 1, **more: Any) -> Row:
        charge, relief = self.price.of(use), self.price.of(waived)
        return self._row(account, month) | {
            "bill_id": f"{self.code[:2]}{int(month)}{account}",
            "kind": "BILL",
            "month_from": int(month.plus(1 - months)),
            "billable_milli": use,
            "waived_milli": waived,
            "price_version": self.price.version,
            "price_e4": self.price.e4,
            "charge_before_fen": charge,
            "waived_fen": relief,
            "charge_after_fen": charge - relief,
            "answer": "APPLIED",
            **more,
        }

    def nothing(self, account: str, month: Month, answer: str) -> Row:
        return self._row(account, month) | {"kind": "NONE", "waived_milli": 0, "answer": answer}

    def _row(self, account: str, month: Month) -> Row:
        at = {"month": int(month), "month_from": int(month), "month_to": int(month), "issued_on": int(month) * 100 + 8}
        return at | {"list_number": self.number, "reference": self.listed[account], "account": account}

    def report(self, month: Month, rows: list[Row]) -> bytes:
        head = {"month": int(month), "kind": "original", "edition": 1, "created_on": int(month.plus(1)) * 100 + 3}
        return b"".join(self._writer.write(head, rows))


class Waterworks(Billing):
    """Fetches lists from its folder with the hub, bills every second month, and lays its report into the folder."""

    def __init__(self, config: Path, home: Path) -> None:
        super().__init__("city_water", Price("2019A", 22000), config)
        self.home = home

    def fetch(self) -> None:
        newest = max((self.home / "out").glob("*.txt"))
        head, *lines, _ = newest.read_text(encoding="gb18030").splitlines()
        self.take(int(head.split("|")[2]), ((line.split("|")[0], line.split("|")[1]) for line in lines))

    def month(self, month: Month, first: Month) -> list[Row]:
        if month.number % 2 == 0:
            return [self.nothing(account, month, "NO_BILL_DUE") for account in self.listed]
        due = 3000 if month == first else 6000  # the ledger begins with the first month
        return [self.bill(account, month, 7000, due, months=2) for account in self.listed]

    def lay(self, name: str, content: bytes) -> None:
        part = self.home / "in" / f".{name}"
        part.write_bytes(content)
        part.rename(self.home / "in" / name)


class Suburb(Billing):
    """Pulls its lists with the documented example, bills monthly, and sends its report by the API."""

    def __init__(self, config: Path, url: str, client: str, secret: str, folder: Path) -> None:
        super().__init__("suburb_water", Price("2026S", 20500), config)
        self.url, self.folder = url, folder
        self._env = {"HUB": url, "CLIENT": client, "SECRET": secret}

    def fetch(self) -> None:
        words = [sys.executable, str(PULL), str(self.folder)]
        done = subprocess.run(
            words, env=os.environ | self._env, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        for line in done.stdout.splitlines():
            rows = list(csv.reader(io.StringIO(Path(line).read_text(encoding="utf-8-sig"))))[1:-1]
            self.take(int(Path(line).parent.name), ((row[0], row[1]) for row in rows))

    def month(self, month: Month) -> list[Row]:
        return [self.bill(account, month, 5000, 3000) for account in self.listed]

    def send(self, token: str, content: bytes, key: str) -> int:
        head = {"Authorization": f"Bearer {token}", "Idempotency-Key": key, "Content-Type": "application/octet-stream"}
        with urlopen(Request(f"{self.url}/v1/reports", data=content, headers=head), timeout=60) as answer:
            return int(answer.status)


class GasWorks(Billing):
    """Is sent its lists by HTTP, sells gas on cards every third month and bills the other meters monthly."""

    def __init__(self, config: Path) -> None:
        super().__init__("city_gas", Price("2026G", 26350), config)
        self.calls: list[str] = []
        gas = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                gas.calls.append(self.path)
                gas.take(content["head"]["listNo"], ((row["refNo"], row["userNo"]) for row in content["rows"]))
                self.send_response(201)
                self.end_headers()

            def log_message(self, *_args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/lists"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def month(self, turn: int, month: Month, cards: Callable[[str], bool]) -> list[Row]:
        return [
            self._card(turn, one, month) if cards(one) else self.bill(one, month, 8000, 3000) for one in self.listed
        ]

    def _card(self, turn: int, account: str, month: Month) -> Row:
        if turn % 3 != 2:
            return self.nothing(account, month, "PREPAID_NO_PURCHASE")
        return self.bill(account, month, 10_000, 9000, kind="TOP_UP")
