"""``household`` and ``explain``: from a person's question to the hub's answer, without a name on the screen."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

import typer

from integration.cli.exits import Exit, leave
from integration.cli.session import MonthArgument, Who, ask_secret, authenticate, known_company, reading, writing
from integration.cli.words import AsJson, give_json, give_lines, language, say, zh
from integration.domain.rights import Right
from integration.jobs.find_household import Search, by_account, by_certificate, by_citizen_id, find_household
from integration.jobs.hub import Hub
from schemas.registry import Certificate, CertificateKind
from schemas.values import Service

household = typer.Typer(no_args_is_help=True)


AsKnown = Annotated[
    str | None,
    typer.Option(metavar="VERSION|DATE", help=say("按当时所知", "as known at a version, or at the end of a day")),
]
Then = Annotated[
    str | None,
    typer.Option(metavar="DATE", help=say("与该日日终所知对照", "beside what was known at the end of this day")),
]
ServiceOption = Annotated[Service | None, typer.Option(help="water, gas, heating, power")]


class By(StrEnum):
    """What a household is looked up by; the value itself is asked for, never given on the command line."""

    CERTIFICATE = "certificate"
    CITIZEN_ID = "citizen-id"
    ACCOUNT = "account"


@household.callback()
def _group() -> None:
    """Find households."""


@household.command("find", help=zh("按证件、身份证号或户号查家庭编号；号码从提示输入，查询留痕"))
def find(
    by: Annotated[By, typer.Argument()],
    who: Who,
    issuer: Annotated[str, typer.Option(help=say("证件：发证单位", "certificate: its issuer"))] = "",
    kind: Annotated[
        CertificateKind, typer.Option(help=say("证件：类别", "certificate: its kind"))
    ] = CertificateKind.DIBAO,
    company: Annotated[str, typer.Option(help=say("户号：公司代码", "account: the company's code"))] = "",
    json: AsJson = False,
) -> None:
    """Find a household by certificate, citizen ID or account number; the number is asked for, the look is audited."""
    with writing(as_json=json) as hub:
        actor = authenticate(hub, who, Right.HOUSEHOLDS_FIND)
        search = _search(hub, by, issuer, kind, company)
        found = find_household(hub, by.value, search, actor=actor)
    if json:
        give_json({"households": found})
    else:
        give_lines(*(map(str, found) if found else [say("没有找到", "nothing was found")]))
    leave(Exit.DONE if found else Exit.REFUSED)


@household.command("erase", help=zh("清除一户的个人信息：销毁其密钥与检索键；台账、名单与审计不受影响，不可恢复"))
def erase(
    household_id: Annotated[int, typer.Argument(metavar="HOUSEHOLD")],
    who: Who,
    reason: Annotated[str, typer.Option(help=say("理由，写入审计", "the reason, kept in the audit"))],
    json: AsJson = False,
) -> None:
    """Erase a household's personal data for ever: its key and look-ups; ledger, lists and audit stay provable."""
    from integration.jobs.erase_household import erase_household

    with writing(as_json=json) as hub:
        actor = authenticate(hub, who, Right.HOUSEHOLDS_ERASE)
        erase_household(hub, household_id, reason=reason, actor=actor)
    if json:
        give_json({"erased": household_id})
    else:
        give_lines(
            say(f"家庭 {household_id} 的个人信息已清除", f"the personal data of household {household_id} is erased")
        )


def _search(hub: Hub, by: By, issuer: str, kind: CertificateKind, company: str) -> Search:
    if by is By.CERTIFICATE and not issuer:
        raise typer.BadParameter(say("须写 --issuer", "a certificate needs its --issuer"))
    code = known_company(hub, company) if by is By.ACCOUNT else ""
    value = ask_secret(say("号码", "Number")).strip()
    if by is By.CERTIFICATE:
        return by_certificate(hub, Certificate(issuer, kind, value))
    return by_account(code, value) if by is By.ACCOUNT else by_citizen_id(hub, value)


def explain(
    household_id: Annotated[int, typer.Argument(metavar="HOUSEHOLD")],
    month: MonthArgument,
    as_known: AsKnown = None,
    then: Then = None,
    service: ServiceOption = None,
    json: AsJson = False,
) -> None:
    """Explain why a household gets, or does not get, its allowance in a month, what to do, and what became of it."""
    import msgspec

    from integration.jobs.explain import explain as explained
    from integration.jobs.explain_texts import lines
    from integration.jobs.then_and_now import compare, only

    if then is not None:
        with reading() as hub:
            both = compare(hub, household_id, month, _day(then), language=language(), service=service)
        _give(both, both.lines, json=json)
        return
    with reading() as hub:
        version, day = _known(as_known)
        found = only(explained(hub, household_id, month, as_known=version, by=day, language=language()), service)
        found = msgspec.structs.replace(found, lines=list(lines(found, hub.companies, language())))
    _give(found, found.lines, json=json)


def _give(found: object, lines: list[str], *, json: bool) -> None:
    if json:
        give_json(found)
    else:
        give_lines(*lines)


def _known(text: str | None) -> tuple[int | None, date | None]:
    """Read a version or a day."""
    if text is None or text.isdigit():
        return (None if text is None else int(text)), None
    try:
        return None, date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            say("版本号，或 2026-11-05 这样的日期", "a version, or a day like 2026-11-05")
        ) from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(say("日期写作 2026-11-05", "a day is written like 2026-11-05")) from None
