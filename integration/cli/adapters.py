"""``adapter``: whether a partner keeps the contract that every partner signs, and who speaks what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from integration.cli.checking import FileKindAsked
from integration.cli.exits import Exit, Refused, leave
from integration.cli.session import FileArgument
from integration.cli.words import AsJson, give_json, give_lines, give_table, say, side, zh
from integration.clock import system_clock
from integration.settings import config_folder

if TYPE_CHECKING:  # the contract takes a while to load, and no other command needs it
    from adapters.contract.clauses import Verdict
    from adapters.contract.samples import Sample
    from adapters.contract.signers import Signer

adapter = typer.Typer(no_args_is_help=True)

PartnerArgument = Annotated[str, typer.Argument(metavar="PARTNER", help=say("伙伴代码", "a partner's code"))]
Files = Annotated[
    list[str] | None,
    typer.Option("--file", metavar="KIND=PATH", help=say("对方的文件，可重复", "a file of the partner's; repeat")),
]
Against = Annotated[
    str | None,
    typer.Option(
        metavar="URL|DIR",
        help=say(
            "在对方系统上试：http(s)、sftp 网址或文件夹", "try its own system: an http(s) or sftp URL, or a folder"
        ),
    ),
]
HostKey = Annotated[
    str,
    typer.Option(
        envvar="WAIVERHUB_CHECK_HOST_KEY",
        help=say("SFTP 服务器公钥", "the SFTP server's public key: ssh-ed25519 AAAA…"),
    ),
]
KeyEnv = Annotated[
    str,
    typer.Option(help=say("环境变量名，其值为 SFTP 私钥路径", "the variable with the path of the SFTP private key")),
]
TokenEnv = Annotated[str, typer.Option(help=say("环境变量名，其值为令牌", "the variable with the bearer token"))]
Markdown = Annotated[bool, typer.Option("--markdown", help=say("以 Markdown 输出", "print the table of the README"))]


@adapter.command("check", help=zh("核对伙伴是否遵守全部约定；可附文件，可试其系统"))
def check(
    partner: PartnerArgument,
    file: Files = None,
    against: Against = None,
    host_key: HostKey = "",
    key_env: KeyEnv = "",
    token_env: TokenEnv = "",
    json: AsJson = False,
) -> None:
    """Hold a partner against the contract: its files, and with --against its own system. Nothing is stored."""
    from adapters.contract.clauses import State
    from adapters.contract.report import of_files
    from adapters.contract.signers import signers_in

    partners = signers_in(config_folder())
    found = _known(partners, partner)
    samples = [_sample(found, one) for one in file or []]
    verdicts = list(of_files(found, samples, partners.values()))
    if against:
        verdicts += _tried(found, against, host_key=host_key, key_env=key_env, token_env=token_env)
    _give(found, verdicts, as_json=json)
    broken = any(one.state is State.BROKEN for one in verdicts)
    leave(Exit.REFUSED if broken else Exit.DONE)


def _tried(partner: Signer, against: str, **known: str) -> list[Verdict]:
    from adapters.contract.report import of_ways
    from adapters.contract.trials import Credentials, TrialRefused, trial

    stamp = f"{system_clock():%Y%m%d%H%M%S}"
    try:
        with trial(partner, against, stamp, Credentials(**known)) as found:
            return list(of_ways(found.sending, found.collecting))
    except TrialRefused as refused:
        raise Refused(str(refused)) from None


def _known(partners: dict[str, Signer], code: str) -> Signer:
    if code not in partners:
        names = ", ".join(partners)
        raise typer.BadParameter(say(f"没有伙伴 {code}；现有 {names}", f"no partner {code}; there are: {names}"))
    return partners[code]


def _sample(partner: Signer, given: str) -> Sample:
    kind, _, path = given.partition("=")
    if kind not in partner.reads or not Path(path).is_file():
        kinds = ", ".join(partner.reads)
        text = say(f"写作 KIND=文件，KIND 为 {kinds}：{given}", f"written KIND=FILE, KIND one of {kinds}: {given}")
        raise typer.BadParameter(text)
    from adapters.contract.samples import Sample

    return Sample(kind, Path(path).suffix.removeprefix("."), Path(path).read_bytes())


def _give(partner: Signer, verdicts: list[Verdict], *, as_json: bool) -> None:
    from adapters.contract.clauses import State

    counts = Counter(one.state.value for one in verdicts)
    if as_json:
        give_json({"partner": partner.code, "counts": counts, "verdicts": verdicts})
        return
    rows = [(one.subject, _mark(one), side(one.meaning), _note(one)) for one in verdicts]
    heads = (
        "对象 / subject",
        "结果 / result",
        "条款 / clause",
        "原因与办法，或所缺 / reason and remedy, or what is missing",
    )
    give_table(f"{partner.title} / {partner.code}", heads, rows)
    passed, broken, skipped = (counts[state.value] for state in State)
    give_lines(
        say(
            f"遵守 {passed}，违反 {broken}，不适用 {skipped}",
            f"{passed} kept, {broken} broken, {skipped} not applicable",
        )
    )


def _mark(one: Verdict) -> str:
    from adapters.contract.clauses import State

    marks = {
        State.PASSED: say("遵守", "kept"),
        State.BROKEN: say("违反", "BROKEN"),
        State.SKIPPED: say("不适用", "skipped"),
    }
    return marks[one.state]


def _note(one: Verdict) -> str:
    from adapters.contract.clauses import WORDS, State

    if one.state is State.SKIPPED:
        return say("缺：", "missing: ") + _list(side(WORDS[missing]) for missing in one.missing)
    return f"{side(one.reason)}; {side(one.remedy)}" if one.state is State.BROKEN else ""


def _list(words: Iterable[str]) -> str:
    return say("、", ", ").join(words)


@adapter.command("list", help=zh("各伙伴的文件、格式与通道"))
def list_adapters(markdown: Markdown = False, json: AsJson = False) -> None:
    """List who sends and gets what, in which form and on which way."""
    from adapters.contract.report import HEADS, KINDS, matrix, matrix_rows
    from adapters.contract.signers import signers_in

    partners = signers_in(config_folder())
    if markdown:
        give_lines(matrix(partners).rstrip("\n"))
    elif json:
        rows = matrix_rows(partners)
        give_json([dict(zip(HEADS, row, strict=True)) for row in rows])
    else:
        heads = ("代码 / partner", "名称 / name", "文件 / files", *HEADS[2 + len(KINDS) :])
        give_table("伙伴 / Partners", heads, map(_narrow, matrix_rows(partners)))


def _narrow(row: tuple[str, ...]) -> tuple[str, ...]:
    """Return a row of the matrix with all kinds of files in one cell."""
    from adapters.contract.report import KINDS, NONE

    code, title, *forms = row[: 2 + len(KINDS)]
    files = ", ".join(f"{kind}: {form}" for kind, form in zip(KINDS, forms, strict=True) if form != NONE)
    return (code, title, files, *row[2 + len(KINDS) :])


@adapter.command("golden", help=zh("打印文件读出的内容，供核对后存为标准答案"))
def golden(partner: PartnerArgument, kind: FileKindAsked, file: FileArgument) -> None:
    """Print what a file means, to be looked at value by value and kept beside it as its golden file."""
    from adapters.contract.dialects import readings
    from adapters.contract.samples import meaning, written
    from adapters.contract.signers import signers_in

    found = _known(signers_in(config_folder()), partner)
    reading = next((one for one in readings(found) if one.name == f"{partner}/{kind.value}"), None)
    if reading is None:
        raise Refused(say(f"{partner} 未约定此类文件", f"no such file is agreed with {partner}"))
    outcome = reading.outcome(file.read_bytes())
    if outcome.refused:
        raise Refused(outcome.refused.text)
    typer.echo(written(meaning(outcome.head, outcome.items)), nl=False)
