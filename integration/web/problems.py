"""Problems (RFC 9457): every refusal of the API, with a stable code, in Chinese or English."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from integration.domain.rights import Right, roles_with
from integration.jobs.allowances import BalanceBroken
from integration.jobs.compute_month import MonthRefused, TotalsDisagree
from integration.jobs.explain import ExplainRefused
from integration.jobs.link_evidence import LinkRefused
from integration.jobs.publish import ListRefused
from integration.jobs.settle import SettlementRefused
from integration.storage.errors import StorageError
from integration.storage.holds import HoldRefused
from integration.storage.submissions import ContentGone, MessageConflict
from integration.storage.users import UserRefused
from schemas.faults import Fault, FileRefused
from schemas.text import in_language

MEDIA_TYPE: Final = "application/problem+json"


class Kind(NamedTuple):
    """A kind of problem: its HTTP status and what it means, ``中文 / English``."""

    status: int
    title: str


KINDS: Final[Mapping[str, Kind]] = {
    "BAD_JSON": Kind(400, "请求体不是合格的 JSON / the body is not strict JSON"),
    "BAD_REQUEST": Kind(400, "请求不合 HTTP 规范 / the request is not well-formed HTTP"),
    "MISSING_KEY": Kind(400, "写请求须带 Idempotency-Key 头（1 至 100 个可见 ASCII 字符）"
                             " / every write names an Idempotency-Key (1 to 100 visible ASCII characters)"),
    "BAD_PARAMETER": Kind(400, "参数有误 / a parameter of the address is wrong"),
    "NOT_AUTHENTICATED": Kind(401, "身份未通过：令牌缺失、过期或已作废 / no valid token: missing, expired or revoked"),
    "BAD_SIGNATURE": Kind(401, "报文签名缺失或无效 / the message signature is missing or wrong"),
    "WRONG_SIGN_IN": Kind(401, "用户名、密码或动态码不对 / wrong name, password or code"),
    "SECOND_FACTOR_NEEDED": Kind(401, "须同时给出动态码 / the second factor's code is needed as well"),
    "NOT_ALLOWED": Kind(403, "无此权限 / this right is not given"),
    "NOT_FOUND": Kind(404, "没有此对象 / there is no such thing"),
    "METHOD_NOT_ALLOWED": Kind(405, "此地址不支持该方法 / this address has no such method"),
    "NOT_ACCEPTABLE": Kind(406, "没有所要求的格式 / it is not to be had in the form asked for"),
    "TOO_SLOW": Kind(408, "请求发送过慢 / the request came too slowly"),
    "CONFLICT": Kind(409, "与现状冲突 / in conflict with how things stand"),
    "KEY_REUSED": Kind(409, "此 Idempotency-Key 已用于另一请求 / this Idempotency-Key was used for another request"),
    "MESSAGE_REUSED": Kind(409, "此报文编号已用于其他内容 / this message id was used for other content"),
    "REFUSED": Kind(409, "现在不能办理 / this cannot be done now"),
    "GONE": Kind(410, "已过保存期 / its retention is over"),
    "TOO_LARGE": Kind(413, "请求体过大 / the body is too large"),
    "BAD_MEDIA_TYPE": Kind(415, "不接受此内容类型 / this media type is not taken"),
    "ENCODED": Kind(415, "不接受压缩的请求体 / a compressed body is not taken"),
    "NOT_AS_AGREED": Kind(422, "内容不合约定 / the content is not as agreed"),
    "LOCKED": Kind(429, "尝试过多，请稍后再试 / too many attempts; try again later"),
    "TOO_MANY": Kind(429, "请求过于频繁，请稍后再试 / too many requests; try again later"),
    "INTERNAL": Kind(500, "本系统内部错误 / a fault of the hub itself"),
    "BUSY": Kind(503, "系统繁忙，请稍后再试 / the hub is busy; try again later"),
}  # fmt: skip


class ProblemBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a problem says (RFC 9457). ``errors`` name row, column and remedy; ``incident`` is to be told the office."""

    type: str
    title: str
    status: int
    code: str
    detail: str = ""
    errors: Sequence[Fault] = ()
    incident: str = ""


class Problem(Exception):  # noqa: N818 - it is the standard's word
    """A refusal; ``detail`` is written ``中文 / English`` and free of personal data."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    @property
    def status(self) -> int:
        """The HTTP status."""
        return KINDS[self.code].status

    def body(self, language: str, incident: str = "") -> bytes:
        """Return the document in a language."""
        kind = KINDS[self.code]
        errors = [msgspec.structs.replace(one, text=in_language(one.text, language)) for one in self.errors]
        title, detail = in_language(kind.title, language), in_language(self.detail, language)
        made = ProblemBody(f"/v1/problems/{self.code}", title, kind.status, self.code, detail, errors, incident)
        return msgspec.json.encode(made)


def busy(after_s: int = 5) -> Problem:
    """Return the refusal of a hub that has too much to do."""
    return Problem("BUSY", headers={"Retry-After": str(after_s)})


def not_allowed(right: Right) -> Problem:
    """Return the refusal of somebody without a right; persons are told who has it."""
    roles = ", ".join(roles_with(right))
    who = f"；此事须由 {roles} 办理 / this takes {right} ({roles})" if roles else f" / this takes {right}"
    return Problem("NOT_ALLOWED", f"缺少权限 {right}{who}")


def _message_reused(error: MessageConflict) -> Problem:
    detail = f"原报送编号 {error.original} / the first submission is {error.original}"
    return Problem("MESSAGE_REUSED", detail)


def _stored(error: StorageError) -> Problem:
    taken = error.code in ("UNIQUE_TAKEN", "APPEND_ONLY", "CHECK")
    return Problem("CONFLICT") if taken else busy()


_REFUSALS: Final[tuple[type[Exception], ...]] = (
    MonthRefused, TotalsDisagree, BalanceBroken, ListRefused, SettlementRefused, HoldRefused, LinkRefused,
)  # fmt: skip
_TRANSLATED: Final[Sequence[tuple[type[Exception] | tuple[type[Exception], ...], Callable[[Any], Problem]]]] = (
    (FileRefused, lambda error: Problem("NOT_AS_AGREED", errors=[error.fault])),
    (MessageConflict, _message_reused),
    (StorageError, _stored),
    (ContentGone, lambda _: Problem("GONE")),
    (ExplainRefused, lambda error: Problem("NOT_FOUND", str(error))),
    (UserRefused, lambda error: Problem("REFUSED", str(error))),
    (_REFUSALS, lambda error: Problem("REFUSED", str(error))),
)


def problem_of(error: Exception) -> Problem | None:
    """Return what an error of the hub is at this door; None where it is a fault of the hub."""
    if isinstance(error, Problem):
        return error
    return next((made(error) for kinds, made in _TRANSLATED if isinstance(error, kinds)), None)
