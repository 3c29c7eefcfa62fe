"""Settlements: signed, never changed, adjusted by number; what is disputed stands beside what is accepted."""

from __future__ import annotations

from typing import Any

import pytest
from reporting import bill, place_of, report, send
from world import account, household, publish, roster, run, snapshot, take

from integration.domain.judgement import Verdict
from integration.domain.policy import Policy, load_policy
from integration.domain.settlement import Drawn, difference, terms, totals
from integration.jobs.hub import Hub
from integration.jobs.reconcile import reconcile
from integration.jobs.settle import SettlementRefused, export, settle
from integration.storage import audit, audit_verify, settlements
from integration.storage.errors import AppendOnly
from integration.storage.tables import settlements as table
from schemas import envelope
from schemas.settlements import Amount, Totals
from schemas.values import Month

NOVEMBER = Month(2026, 11)


@pytest.fixture
def reported(hub: Hub) -> Hub:
    """Four households: one agreed, one relieved of too much, one of too little, one in a price unknown."""
    take(hub, snapshot([household(c, n, accounts={"city_water": f"W{n}"}) for n, c in enumerate("ABCD", 1)]))
    roster(hub, "city_water", [account(f"W{n}", n) for n in range(1, 10)])
    run(hub, "2026-11")
    publish(hub, "2026-11")
    hub.clock.set("2026-12-03T10:00:00+08:00")
    send(hub, report("2026-11", rows(hub)))
    return hub


def rows(hub: Hub, **instead: dict[str, Any]) -> list[dict[str, Any]]:
    at = {c: place_of(hub, "city_water", c) for c in "ABCD"}
    said = {
        "A": bill("A", at["A"], "2026-11", 5000),
        "B": bill("B", at["B"], "2026-11", 5000, waived=4000),
        "C": bill("C", at["C"], "2026-11", 5000, waived=1000),
        "D": bill("D", at["D"], "2026-11", 5000, version="1999Z"),
        "X": bill("X", ("NOBODY0000000000", "W9"), "2026-11", 2000),
    }
    return list((said | {c: bill(c, at[c], "2026-11", 5000, **row) for c, row in instead.items()}).values())


def test_only_what_was_due_and_applied_is_settled(reported: Hub) -> None:
    made = settle(reported, "city_water", NOVEMBER, actor="tester")
    assert made.state == "settled"
    found = made.settlement.totals
    assert found.accepted == Amount(4, 3000 + 3000 + 1000 + 3000, 660 + 660 + 220)
    assert (found.over, found.short) == (Amount(1, 1000, 220), Amount(1, 2000, 440))
    assert (found.price_unknown, found.unauthorised) == (Amount(1, 0, 660), Amount(1, 2000, 440))
    assert found.reported == Amount(5, 13000, 2860)
    assert {item.kind for item in made.settlement.open_items} == {
        "over_quantity", "under_quantity", "price_unknown", "unauthorised",
    }  # fmt: skip


def test_what_is_applied_flat_stands_apart_and_what_has_no_proof_within_it(reported: Hub) -> None:
    """Edge case 31: a shared meter's relief needs the proof that the master account passed it on."""
    flat = {"answer": "APPLIED_FLAT"}
    replaced = rows(reported, A=flat | {"proof": "HB-7"}, B=flat, C=flat | {"waived": 2000})
    send(reported, report("2026-11", replaced[:4], kind="replace", edition=2))
    found = settle(reported, "city_water", NOVEMBER, actor="tester").settlement.totals
    assert (found.flat_basis, found.flat_unproven) == (Amount(3, 8000, 1760), Amount(2, 5000, 1100))


def test_it_never_changes_and_what_comes_later_is_a_numbered_adjustment(reported: Hub) -> None:
    first = settle(reported, "city_water", NOVEMBER, actor="tester").settlement
    assert settle(reported, "city_water", NOVEMBER, actor="tester").state == "unchanged"
    send(reported, report("2026-11", rows(reported, B={}, C={}), kind="replace", edition=2))
    second = settle(reported, "city_water", NOVEMBER, actor="tester")
    assert (second.state, second.settlement.n) == ("adjusted", 1)
    assert second.settlement.change.accepted == Amount(0, 2000, 440)
    assert second.settlement.change.short == Amount(-1, -2000, -440)
    with reported.store.read() as connection:
        signed = settlements.settlements_of(connection, "city_water", NOVEMBER)
    assert [one.n for one in signed] == [0, 1]
    assert envelope.canonical(first) == signed[0].content


def test_its_signature_holds_and_a_changed_byte_breaks_it(reported: Hub, tmp_path: Any) -> None:
    settle(reported, "city_water", NOVEMBER, actor="tester")
    with reported.store.read() as connection:
        (signed,) = settlements.settlements_of(connection)
    content, signature, public = (path.read_bytes() for path in export(reported, signed, tmp_path))
    assert envelope.verify(public, content, signature)
    assert not envelope.verify(public, content.replace(b"660", b"661", 1), signature)


def test_the_database_refuses_to_change_it_and_the_audit_would_see(reported: Hub, tampering: Any) -> None:
    settle(reported, "city_water", NOVEMBER, actor="tester")
    with pytest.raises(AppendOnly), reported.store.write() as connection:
        connection.execute(table.update().values(content=b"{}"))
    audit.sequence(reported.store, reported.ring, reported.clock)
    assert faults(reported) == []
    with tampering() as connection:
        connection.execute(table.update().values(content=b"{}"))
    assert faults(reported) == ["settled city_water:202611:0"]


def faults(hub: Hub) -> list[str]:
    with hub.store.read() as connection:
        return [one.subject for one in audit_verify.verify(connection, hub.ring.checkpoints.public_pem)]


def test_a_changed_report_row_would_be_seen(reported: Hub, tampering: Any) -> None:
    from integration.storage.tables import report_rows

    audit.sequence(reported.store, reported.ring, reported.clock)
    assert faults(reported) == []
    with tampering() as connection:
        connection.execute(report_rows.update().where(report_rows.c.bill_id == "A").values(account_id=4))
    assert faults(reported) == ["report_applied 1"]


def test_a_month_that_is_not_reported_cannot_be_settled(reported: Hub) -> None:
    with pytest.raises(SettlementRefused, match="has not reported 2026-12"):
        settle(reported, "city_water", Month(2026, 12), actor="tester")


def with_value(policy: Policy, name: str, value: Any) -> Policy:
    """The policy with another value of one parameter."""
    import msgspec

    content = msgspec.json.decode(policy.content)
    content[name]["values"] = [{"from": "2006-01", "value": value}]
    return load_policy({"test": content})


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("company_bears", ("company", "company", 0, 0)),
        ("reimbursed", ("office", "company", 1540, 0)),
        ("refund_later", ("company", "households", 1540, 0)),
        ("pre_funded", ("fund", "company", 0, 1540)),
    ],
)
def test_who_pays_whom_is_policy(reported: Hub, mode: str, expected: tuple[Any, ...]) -> None:
    hub = reported.under(with_value(reported.policy, "settlement_mode", mode))
    made = settle(hub, "city_water", NOVEMBER, actor="tester").settlement.terms
    assert (made.payer, made.payee, made.payable_fen, made.from_fund_fen) == expected


def test_a_price_that_comes_later_settles_what_waited(reported: Hub) -> None:
    """The tariff is knowledge too: a new one judges every bill of the company again (edge case 23)."""
    import dataclasses

    from schemas.tariffs import Price, Tier

    settle(reported, "city_water", NOVEMBER, actor="tester")
    company = reported.companies["city_water"]
    old = Price(
        version="1999Z", since="1999-01-01", source="found again", tiers=(Tier(price_e4=22000),), customers="old"
    )
    file = company._file.model_copy(update={"tariff": (*company._file.tariff, old)})
    hub = dataclasses.replace(
        reported, companies={**reported.companies, "city_water": dataclasses.replace(company, _file=file)}
    )
    (made,) = reconcile(hub, actor="tester", company="city_water")
    assert made.households == 1
    adjusted = settle(hub, "city_water", NOVEMBER, actor="tester").settlement
    assert adjusted.change.accepted == Amount(0, 0, 660)
    assert adjusted.change.price_unknown == Amount(-1, 0, -660)


def test_totals_of_parts_are_the_sum_of_the_parts_totals() -> None:
    lines = [
        Drawn("2026-10", Verdict.AGREED, 0, 3000, 3000, 660, 660, 3000, 660),
        Drawn("2026-11", Verdict.OVER, 1, 3000, 5000, 660, 1100, 3000, 660),
        Drawn("2026-11", Verdict.SHORT, 1, 3000, 1000, 660, 220, 1000, 220, 1000),
        Drawn("2026-11", Verdict.DUPLICATE, 1, 0, 3000, 0, 660, 0, 0),
    ]
    whole = totals(lines, Amount(), 0)
    parts = totals(lines[:2], Amount(), 0), totals(lines[2:], Amount(), 0)
    assert difference(whole, parts[0]) == difference(parts[1], Totals())
    assert whole.reported.quantity_milli == sum(one.waived_milli for one in lines)
    assert whole.by_month == {"2026-10": Amount(0, 3000, 660), "2026-11": Amount(2, 4000, 880)}


def test_the_company_bears_it_by_default(hub: Hub) -> None:
    assert terms(hub.policy.at(NOVEMBER).settlement_mode, 660).payable_fen == 0
