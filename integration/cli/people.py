"""``user``: who is known to the hub, and what each may do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from integration.cli.exits import NotAllowed, Refused
from integration.cli.session import ActAs, ask_secret, authenticate, os_actor, private_line, reading, writing
from integration.cli.words import AsJson, give_json, give_lines, give_table, say, zh
from integration.domain.rights import Role
from integration.jobs.hub import Hub
from integration.storage import audit, overview, users

user = typer.Typer(no_args_is_help=True)

PasswordFile = Annotated[
    Path | None,
    typer.Option("--password-file", help=say("新用户密码文件（0600）", "File with the new password (0600).")),
]


@user.command("add", help=zh("添加用户；第一个用户须为 security_admin，此后由其添加他人"))
def add(
    name: str,
    role: Annotated[Role, typer.Option("--role")],
    password_file: PasswordFile = None,
    who: ActAs = None,
    json: AsJson = False,
) -> None:
    """Add a user. The first is a security_admin; from then on a security_admin adds the others."""
    if ":" in name:
        raise typer.BadParameter(say("用户名不能含冒号", "a user's name holds no colon"))
    with writing(as_json=json) as hub:
        actor = _adder(hub, role, who)
        password = private_line(password_file) if password_file else _new_password(name)
        with hub.store.write() as connection:
            users.add_user(connection, hub.clock, name, role, password)
            audit.record(connection, hub.clock, actor, "user_added", name, {"role": role.value})
    if json:
        give_json({"name": name, "role": role.value})
    else:
        give_lines(say(f"已添加 {name}（{role}）", f"added {name} ({role})"))


def _adder(hub: Hub, role: Role, who: str | None) -> str:
    with hub.store.read() as connection:
        present = overview.all_users(connection)
    if who is not None:
        return authenticate(hub, who, Role.SECURITY_ADMIN)
    if present:
        raise NotAllowed(say("请由安全管理员添加：--as NAME", "a security_admin adds users: give --as NAME"))
    if role is not Role.SECURITY_ADMIN:
        raise Refused(
            say(
                "第一个用户须为 security_admin，否则此后无人能添加用户",
                "the first user must be a security_admin: nobody else could add the second",
            )
        )
    return os_actor()


def _new_password(name: str) -> str:
    password = ask_secret(say(f"{name} 的新密码", f"New password of {name}"))
    if sys.stdin.isatty() and ask_secret(say("再输一次", "Once more")) != password:
        raise Refused(say("两次输入不同", "the two passwords differ"))
    return password


@user.command("list", help=zh("列出用户"))
def show(json: AsJson = False) -> None:
    """List the users."""
    with reading() as hub, hub.store.read() as connection:
        found = overview.all_users(connection)
    if json:
        give_json(found)
        return
    heads = ("用户 / name", "角色 / role", "添加于 / added", "停用 / disabled")
    give_table("用户 / Users", heads, [(u.name, u.role, u.created_at, "×" if u.disabled else "") for u in found])
