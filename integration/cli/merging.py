"""``household merge``, ``part``, ``continuous``: households that become one, and since when one has been low-income."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from integration.cli.households import household
from integration.cli.session import Who, authenticate, reading, writing
from integration.cli.words import AsJson, give_json, give_lines, say, zh
from integration.domain.rights import Right

__all__ = ["household"]  # the group of households, with these commands in it

HouseholdArgument = Annotated[int, typer.Argument(metavar="HOUSEHOLD")]
Reason = Annotated[str, typer.Option(help=say("理由，写入审计", "the reason, kept in the audit"))]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(say("日期写作 2026-11-05", "a day is written like 2026-11-05")) from None


@household.command("merge", help=zh("提出合户：GONE 自某日起并入 KEEP；须另一位主管批准"))
def merge(
    keep: Annotated[int, typer.Argument(metavar="KEEP")],
    gone: Annotated[int, typer.Argument(metavar="GONE")],
    on: Annotated[str, typer.Option("--on", metavar="DAY", help=say("合户日期", "the day of the merger"))],
    who: Who,
    reason: Reason,
    json: AsJson = False,
) -> None:
    """Propose that household GONE became part of KEEP on a day; another person approves."""
    from integration.jobs.merge_households import propose_merger

    day = _day(on)
    with writing(as_json=json) as hub:
        actor = authenticate(hub, who, Right.HOLDS_PROPOSE)
        number = propose_merger(hub, keep, gone, day, reason=reason, actor=actor)
    _proposed(number, as_json=json)


@household.command("part", help=zh("提出撤销合户：GONE 恢复为独立家庭；须另一位主管批准"))
def part(gone: Annotated[int, typer.Argument(metavar="GONE")], who: Who, reason: Reason, json: AsJson = False) -> None:
    """Propose that household GONE is no part of another after all; another person approves."""
    from integration.jobs.merge_households import propose_parting

    with writing(as_json=json) as hub:
        number = propose_parting(hub, gone, reason=reason, actor=authenticate(hub, who, Right.HOLDS_PROPOSE))
    _proposed(number, as_json=json)


def _proposed(number: int, *, as_json: bool) -> None:
    if as_json:
        give_json({"hold": number})
    else:
        give_lines(
            say(
                f"已提出，暂存 {number}；请另一位主管批准：", f"proposed as hold {number}; another supervisor approves:"
            ),
            f"  waiverhub hold approve {number} --as NAME",
        )


@household.command("continuous", help=zh("某户自何日起连续为低保家庭"))
def continuous(
    household_id: HouseholdArgument,
    on: Annotated[
        str | None,
        typer.Option("--on", metavar="DAY", help=say("截至某日，默认今日", "seen from a day; today, if none")),
    ] = None,
    json: AsJson = False,
) -> None:
    """Tell since when a household has been low-income without a break."""
    from integration.jobs.continuity import continuity

    day = None if on is None else _day(on)
    with reading() as hub:
        found = continuity(hub, household_id, day)
    if json:
        give_json(found)
    elif found.since is None:
        give_lines(
            say(f"家庭 {household_id} 在 {found.day} 不是低保家庭", f"household {household_id} is none on {found.day}")
        )
    else:
        give_lines(
            say(
                f"家庭 {household_id} 截至 {found.day}，自 {found.since} 起连续为低保家庭，涉及 {found.months} 个月",
                f"household {household_id}, seen from {found.day}: low-income without a break since {found.since},"
                f" {found.months} calendar months",
            )
        )
