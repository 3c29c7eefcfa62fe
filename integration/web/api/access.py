"""Coming in: machines' tokens, persons' sessions, and the security administrator's work on both."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from integration.domain.rights import Right
from integration.jobs import manage_access, manage_clients
from integration.jobs.machine_access import IssuedToken, TokenRefused, issue_token
from integration.jobs.manage_access import ListedUser
from integration.jobs.manage_clients import ListedClient
from integration.jobs.sign_in import SignedIn, SignInRefused, sign_in, sign_out
from integration.web.answers import Done, Made, TokenError, Whoami
from integration.web.calls import Call
from integration.web.endpoints import Endpoint, Form, Model, Reply, Work
from integration.web.models import NewClient, NewUser, Nothing, RoleGiven, Rotation, SignIn
from integration.web.problems import Problem
from integration.web.tls import certificate_sha256


def token(call: Call) -> Reply:
    """Give a machine its short token (RFC 6749 client credentials; its errors are that standard's)."""
    try:
        made = issue_token(
            call.hub,
            call.body,
            audience=call.door.options.audience,
            basic=_basic(call),
            certificate_sha256=certificate_sha256(call.request),
        )
    except TokenRefused as refused:
        status = 401 if refused.error == "invalid_client" else 400
        headers = {"Cache-Control": "no-store"} | ({"WWW-Authenticate": "Basic"} if status == 401 else {})
        return Reply(TokenError(refused.error, f"{refused.description}"), status, headers)
    return Reply(made, headers={"Cache-Control": "no-store"})


def _basic(call: Call) -> tuple[str, str] | None:
    """Return the credentials of an ``Authorization: Basic`` header."""
    kind, _, value = call.request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, colon, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        name, colon, secret = "", "", ""
    return (name, secret) if colon else ("", "")


def open_session(call: Call) -> Reply:
    """Log a person in."""
    said = call.said(SignIn)
    try:
        made = sign_in(
            call.hub,
            name=said.name,
            password=said.password,
            code=said.code,
            address=call.request.remote or "",
            device=said.device,
        )
    except SignInRefused as refused:
        wait = {"Retry-After": str(refused.retry_after_s)} if refused.retry_after_s else {}
        raise Problem(refused.code, headers=wait) from None
    return Reply(made, 201, {"Cache-Control": "no-store"})


def own_session(call: Call) -> Reply:
    """Tell who one is, and what one may do."""
    who = call.principal
    return Reply(Whoami(who.actor, sorted(map(str, who.rights)), sorted(who.districts)))


def close_session(call: Call) -> Reply:
    """Log out."""
    sign_out(call.hub, call.request.headers["Authorization"].partition(" ")[2].strip())
    return Reply(Done())


# --- the security administrator -----------------------------------------------------------------------------------


def users(call: Call) -> Reply:
    """Give the known persons."""
    return Reply(manage_access.list_users(call.hub))


def add_user(call: Call) -> Reply:
    """Let a person in."""
    said = call.said(NewUser)
    manage_access.add_user(
        call.hub,
        name=said.name,
        role=said.role,
        password=said.password,
        company=said.company,
        districts=said.districts,
        actor=call.principal.actor,
    )
    return Reply(Done(), 201)


def give_role(call: Call) -> Reply:
    """Give a person another role; their sessions end."""
    said = call.said(RoleGiven)
    manage_access.set_role(call.hub, call.word("name"), said.role, company=said.company, actor=call.principal.actor)
    return Reply(Done())


def disable(call: Call) -> Reply:
    """Let a person in no more; their sessions end."""
    manage_access.disable_user(call.hub, call.word("name"), actor=call.principal.actor)
    return Reply(Done())


def clients(call: Call) -> Reply:
    """Give the known machines."""
    return Reply(manage_clients.list_clients(call.hub))


def add_client(call: Call) -> Reply:
    """Let a machine in; its secret is told this once, and kept nowhere."""
    said = call.said(NewClient)
    secret = manage_clients.add_client(
        call.hub,
        client_id=said.client_id,
        title=said.title,
        kind=said.kind,
        party=said.party,
        rights=said.rights,
        must_sign=said.must_sign,
        must_tls=said.must_tls,
        jwk=said.jwk,
        certificate_pem=said.certificate_pem,
        ssh_key=said.ssh_key,
        actor=call.principal.actor,
    )
    return _made(said.client_id, secret, 201)


def rotate(call: Call) -> Reply:
    """Give a machine its next credential."""
    said, client = call.said(Rotation), call.word("client")
    secret = manage_clients.rotate_client(
        call.hub,
        client,
        grace_s=said.grace_s,
        jwk=said.jwk,
        certificate_pem=said.certificate_pem,
        ssh_key=said.ssh_key,
        actor=call.principal.actor,
    )
    return _made(client, secret, 200)


def _made(client: str, secret: str | None, status: int) -> Reply:
    return Reply(Made(client, secret), status, {"Cache-Control": "no-store"}, kept=Made(client, None))


def revoke(call: Call) -> Reply:
    """Let a machine in no more, from its next request on."""
    manage_clients.revoke_client(call.hub, call.word("client"), actor=call.principal.actor)
    return Reply(Done())


_IN: Final = "登录 Access"
_ADMIN: Final = "安全管理 Security administration"


def _managed(
    path: str, name: str, summary: str, work: Work, reply: Any, body: type[Model] = Nothing, status: int = 200
) -> Endpoint:
    """Return an act of the security administrator's."""
    return Endpoint(
        method="POST", path=path, name=name, tag=_ADMIN, summary=summary, work=work, right=Right.ACCESS_MANAGE,
        reply=reply, body=body, status=status, write=True, problems=("REFUSED",),
    )  # fmt: skip


ENDPOINTS: Final = (
    Endpoint(
        method="POST", path="/v1/token", name="getToken", tag=_IN,
        summary="机器取令牌（OAuth 2.0 客户端凭据） / A machine's short token (OAuth 2.0 client credentials)",
        work=token, body=Form(4096), reply=IssuedToken, ask=True,
        others={400: TokenError, 401: TokenError},
    ),
    Endpoint(
        method="POST", path="/v1/sessions", name="openSession", tag=_IN,
        summary="人员登录 / Log a person in",
        work=open_session, body=SignIn, reply=SignedIn, status=201, ask=True,
        problems=("WRONG_SIGN_IN", "SECOND_FACTOR_NEEDED", "LOCKED"),
    ),
    Endpoint(
        method="GET", path="/v1/sessions/current", name="getSession", tag=_IN,
        summary="当前身份与权限 / Who one is, and what one may do",
        work=own_session, right=Right.SESSION_OWN, reply=Whoami,
    ),
    Endpoint(
        method="DELETE", path="/v1/sessions/current", name="closeSession", tag=_IN,
        summary="退出登录 / Log out",
        work=close_session, right=Right.SESSION_OWN, reply=Done, ask=True,
    ),
    Endpoint(
        method="GET", path="/v1/admin/users", name="listUsers", tag=_ADMIN, summary="用户 / Users",
        work=users, right=Right.ACCESS_MANAGE, reply=list[ListedUser],
    ),
    _managed("/v1/admin/users", "addUser", "添加用户 / Let a person in", add_user, Done, NewUser, 201),
    _managed("/v1/admin/users/{name}/role", "giveRole", "更换角色 / Give a person another role", give_role, Done,
             RoleGiven),
    _managed("/v1/admin/users/{name}/disabling", "disableUser", "停用用户 / Let a person in no more", disable, Done),
    Endpoint(
        method="GET", path="/v1/admin/clients", name="listClients", tag=_ADMIN, summary="机器客户端 / Machines",
        work=clients, right=Right.ACCESS_MANAGE, reply=list[ListedClient],
    ),
    _managed("/v1/admin/clients", "addClient", "添加客户端 / Let a machine in", add_client, Made, NewClient, 201),
    _managed("/v1/admin/clients/{client}/rotation", "rotateClient", "轮换凭据 / A machine's next credential", rotate,
             Made, Rotation),
    _managed("/v1/admin/clients/{client}/revocation", "revokeClient", "作废客户端 / Let a machine in no more", revoke,
             Done),
)  # fmt: skip
