"""What every way must satisfy on which lists are sent to a company."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Final

from adapters.base import Channel, Parcel, Refused, Unreachable
from adapters.contract.clauses import Broken, Capability, Clause, clause, heard, there
from adapters.contract.ways import Reaction, Sending

_ACCOUNT: Final = "QXZ00012345"
_CODE: Final = re.compile(r"[A-Za-z0-9_]{1,60}")


@clause("送出之后，对端有它；之前没有", Capability.ASKED)
def what_was_sent_is_there(way: Sending) -> None:
    """What was sent is there, and was not before."""
    parcel = way.parcel("there")
    if way.channel.has(parcel):
        raise Broken("未送出就称已有 / it is said to be there before it was sent", _ASK)
    way.channel.send(parcel, way.pieces())
    if not way.channel.has(parcel):
        raise Broken("送出后查询称没有 / sent, and then said not to be there", _ASK)


_ASK: Final = "对端须能按报文编号或文件名查询 / the other end must tell by message id, or name, what it has"


@clause("同一报文送两次，效果如一次")
def the_same_parcel_twice_is_once(way: Sending) -> None:
    """The same parcel sent twice has the effect of once."""
    parcel = way.send("twice")
    before = way.lying()
    way.channel.send(parcel, way.pieces())
    if way.lying() != before:
        raise Broken("重复发送改变了对端 / a repetition changes what lies there", "以报文编号去重 / take one id once")


@clause("到达的字节与送出的相同", Capability.SHOWS)
def bytes_arrive_as_they_were_sent(way: Sending) -> None:
    """Bytes arrive as they were sent."""
    if _arrived(way, way.send("bytes")) != way.content:
        raise Broken(
            "到达的字节不同 / other bytes arrived", "以二进制传输，不改行尾与编码 / send in binary, change nothing"
        )


@clause("传到一半的文件无人看见", Capability.SHOWS)
def nothing_half_is_visible(way: Sending) -> None:
    """Half a list is seen by nobody, neither while it is sent nor after it broke off."""
    seen: list[bool] = []
    parcel = way.parcel("half")
    way.channel.send(parcel, way.pieces(lambda: seen.append(_arrived(way, parcel) is not None)))
    broken_off = way.parcel("broken-off")
    with suppress(_BrokeOff, Unreachable, Refused):
        way.channel.send(broken_off, _breaking_off(way))
    if any(seen) or _arrived(way, broken_off) is not None:
        reason = "传输途中已能看见半个文件 / half a file is seen while it is sent"
        raise Broken(reason, "先写临时名，写完再改名 / write under a hidden name, rename when it is whole")


class _BrokeOff(Exception):  # noqa: N818 - it names what happens to the content
    pass


def _breaking_off(way: Sending) -> Iterator[bytes]:
    yield way.content[:1]
    raise _BrokeOff


@clause("名单可见时，其清单已在旁", Capability.SHOWS, Capability.FILES)
def the_list_comes_last(way: Sending) -> None:
    """Whoever sees a list sees beside it what proves it."""
    parcel = way.parcel("last")
    seen: list[bool] = []
    way.channel.send(parcel, way.pieces(lambda: seen.append(parcel.beside.keys() <= way.lying().keys())))
    if not all(seen):
        raise Broken("名单先于其清单 / a list comes before what proves it", "清单先放，名单最后 / lay the list last")


@clause("对端不认识的密钥：拒绝，且只试一次", Capability.STRANGER)
def a_stranger_is_refused(way: Sending) -> None:
    """With a credential that the other end does not know the channel is refused, after one call."""
    stranger = there(way.as_stranger)
    before = way.calls()
    _ends(lambda: stranger.send(way.parcel("stranger"), way.pieces()), Refused)
    if way.obeys and way.calls() != before + 1:
        raise Broken("被拒后又再试 / tried again after it was refused", "被拒即停 / stop when refused")


@clause("无人应答：暂不可达", Capability.NOWHERE)
def nobody_there_is_unreachable(way: Sending) -> None:
    """Where nobody answers the company is unreachable, for sending and for asking."""
    nowhere = there(way.nowhere)
    _ends(lambda: nowhere.send(way.parcel("nowhere"), way.pieces()), Unreachable)
    _ends(lambda: nowhere.has(way.parcel("nowhere")), Unreachable)


@clause("对端繁忙：暂不可达，并保留 Retry-After", Capability.OBEYS, Capability.HTTP)
def a_busy_server_is_unreachable(way: Sending) -> None:
    """A server that is too busy, or fails, is unreachable; the time it asks for is kept."""
    for status in (429, 500, 502, 503, 504):
        way.will(status, {"Retry-After": "120"})
        error = _ends(lambda: way.channel.send(way.parcel("busy"), way.pieces()), Unreachable)
        if not isinstance(error, Unreachable) or error.retry_after != "120":
            raise Broken(
                "Retry-After 丢失 / the time that was asked for is lost", "照原文保留 / keep it as it is written"
            )


@clause("对端拒收：拒绝，且只试一次", Capability.OBEYS, Capability.HTTP)
def a_refusal_is_final(way: Sending) -> None:
    """A list that is refused is refused, after one call."""
    for status in (400, 401, 403, 404, 413, 422):
        before = way.calls()
        way.will(status)
        _ends(lambda: way.channel.send(way.parcel("refused"), way.pieces()), Refused)
        if way.calls() != before + 1:
            raise Broken("被拒后又再试 / tried again after it was refused", "被拒即停 / stop when refused")


@clause("结局不明：暂不可达，随后可以查询", Capability.OBEYS, Capability.ASKED)
def an_unclear_end_can_be_asked_about(way: Sending) -> None:
    """After the other end hung up without a word it is unreachable, and then tells whether it took the list."""
    for reaction in (Reaction.CUTS_BEFORE, Reaction.CUTS_AFTER):
        parcel = way.parcel(reaction.value)
        way.will(reaction)
        _ends(lambda parcel=parcel: way.channel.send(parcel, way.pieces()), Unreachable)  # type: ignore[misc]
        if way.channel.has(parcel) != (reaction is Reaction.CUTS_AFTER):
            raise Broken("断线后查询结果不对 / what is told after the line was cut is not so", _ASK)


@clause("未约定的答复不算收下", Capability.OBEYS, Capability.HTTP)
def an_unknown_answer_is_not_taken(way: Sending) -> None:
    """An answer that nobody agreed on does not count as taken."""
    for status in (208, 299, 302, 308, 418):
        way.will(status, {"Location": "/elsewhere"})
        _ends(lambda: way.channel.send(way.parcel("strange"), way.pieces()), Refused)


@clause("答复正文没有说收下，就不算收下", Capability.OBEYS, Capability.BODIES)
def a_body_without_a_yes_is_not_taken(way: Sending) -> None:
    """Where an answer's body is agreed, nothing but a yes counts as taken: no page, no empty object, no other code."""
    page = "<!DOCTYPE html><html>好 / OK</html>".encode("gb18030")
    for body in (b"", b"{}", b"[]", b"null", b"true", b'{"code":null}', page, *way.noes):
        way.will(200, {"Content-Length": str(len(body))}, body)
        _ends(lambda: way.channel.send(way.parcel("no"), way.pieces()), Refused)


@clause("令牌未配置：一个字节也不送", Capability.TOKENLESS, Capability.OBEYS)
def without_a_token_nothing_is_sent(way: Sending) -> None:
    """Where a token is configured and missing, not a byte is sent."""
    tokenless = there(way.tokenless)
    before = way.calls()
    _ends(lambda: tokenless.send(way.parcel("tokenless"), way.pieces()), Refused)
    if way.calls() != before:
        raise Broken("无令牌仍发出请求 / called without a token", "先查令牌，再连接 / look for the token first")


@clause("错误代码与日志不含密钥、户号与文件名")
def codes_tell_no_secret(way: Sending) -> None:
    """No code and no log line holds a secret, an account, a file's name or a path."""
    secrets = (*way.secrets, way.stem, _ACCOUNT)
    with heard() as lines:
        codes = list(_codes(way))
    if any(secret in told for told in (*codes, *lines) for secret in secrets) or not all(map(_CODE.fullmatch, codes)):
        reason = "代码或日志不只是代码 / a code is more than a code, or a log line holds a secret"
        raise Broken(reason, "代码只用字母、数字与下划线 / write a code with letters, digits and _ alone")


def _codes(way: Sending) -> Iterator[str]:
    ways = [one for one in (way.as_stranger, way.nowhere, way.tokenless) if one is not None]
    label = f"codes-{_ACCOUNT}"
    for one in ways:
        yield from _code_of(one, way.parcel(label), way.pieces())
    if {Capability.OBEYS, Capability.HTTP} <= way.can:
        for reaction in (404, 503, 302):
            way.will(reaction)
            yield from _code_of(way.channel, way.parcel(label), way.pieces())
    yield way.channel.send(way.parcel("code"), way.pieces())


def _code_of(channel: Channel, parcel: Parcel, content: Iterable[bytes]) -> Iterator[str]:
    try:
        channel.send(parcel, content)
    except (Unreachable, Refused) as error:
        yield error.code
        yield str(error)


def _arrived(way: Sending, parcel: Parcel) -> bytes | None:
    """Return what lies there of a parcel, by its file's name or its id."""
    lying = way.lying()
    return lying.get(parcel.file_name, lying.get(parcel.message_id))


def _ends(doing: Callable[[], object], wanted: type[Exception]) -> Exception:
    """Return the error in which something ends, which must be this one."""
    try:
        doing()
    except wanted as error:
        return error
    except (Unreachable, Refused) as error:
        reason = f"{type(error).__name__}({error.code})，应为 {wanted.__name__}"
        raise Broken(f"{reason} / {type(error).__name__} instead of {wanted.__name__}", _AGAIN) from None
    raise Broken("算作收下 / it counts as taken", _AGAIN)


_AGAIN: Final = (
    "再试有用即 Unreachable，再试无用即 Refused，其余不算收下"
    " / Unreachable if trying again may help, Refused if not; nothing else counts as taken"
)

SENDING: Final[tuple[Clause[Sending], ...]] = (
    what_was_sent_is_there,
    the_same_parcel_twice_is_once,
    bytes_arrive_as_they_were_sent,
    nothing_half_is_visible,
    the_list_comes_last,
    a_stranger_is_refused,
    nobody_there_is_unreachable,
    a_busy_server_is_unreachable,
    a_refusal_is_final,
    an_unclear_end_can_be_asked_about,
    an_unknown_answer_is_not_taken,
    a_body_without_a_yes_is_not_taken,
    without_a_token_nothing_is_sent,
    codes_tell_no_secret,
)
