"""``user``: who is known to the hub, and what each may do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from integration.cli.exits import NotAllowed, Refused
from integration.cli.session import ActAs, Who, ask_secret, authenticate, os_actor, private_line, reading, writing
from integration.cli.words import AsJson, give_json, give_lines, give_table, say, zh
from integration.domain.rights import Right, Role
from integration.jobs import manage_access
from integration.jobs.hub import Hub

user = typer.Typer(no_args_is_help=True)

PasswordFile = Annotated[
    Path | None,
    typer.Option("--password-file", help=say("新密码文件（0600）", "File with the new password (0600).")),
]
Company = Annotated[str | None, typer.Option(help=say("公司代码（仅 company_operator）", "company, of its operators"))]
District = Annotated[
    list[str] | None,
    typer.Option(
        "--district", help=say("只看此区划，可重复；不写即全部", "see this district alone; repeat; none: all")
    ),
]


@user.command("add", help=zh("添加用户；第一个用户须为 security_admin，此后由其添加他人"))
def add(
    name: str,
    role: Annotated[Role, typer.Option("--role")],
    company: Company = None,
    district: District = None,
    password_file: PasswordFile = None,
    who: ActAs = None,
    json: AsJson = False,
) -> None:
    """Add a user. The first is a security_admin; from then on a security_admin adds the others."""
    if ":" in name:
        raise typer.BadParameter(say("用户名不能含冒号", "a user's name holds no colon"))
    with writing(as_json=json) as hub:
        manage_access.add_user(
            hub,
            actor=_adder(hub, who),
            name=name,
            role=role,
            password=_new_password(name, password_file),
            company=company,
            districts=district or (),
        )
    _give(say(f"已添加 {name}（{role}）", f"added {name} ({role})"), {"name": name, "role": role.value}, json)


def _adder(hub: Hub, who: str | None) -> str:
    if who is not None:
        return authenticate(hub, who, Right.ACCESS_MANAGE)
    if manage_access.list_users(hub):
        raise NotAllowed(say("请由安全管理员添加：--as NAME", "a security_admin adds users: give --as NAME"))
    return os_actor()


def _new_password(name: str, file: Path | None) -> str:
    if file is not None:
        return private_line(file)
    password = ask_secret(say(f"{name} 的新密码", f"New password of {name}"))
    if sys.stdin.isatty() and ask_secret(say("再输一次", "Once more")) != password:
        raise Refused(say("两次输入不同", "the two passwords differ"))
    return password


def _give(text: str, value: dict[str, object], as_json: bool) -> None:
    if as_json:
        give_json(value)
    else:
        give_lines(text)


@user.command("list", help=zh("列出用户"))
def show(json: AsJson = False) -> None:
    """List the users."""
    with reading() as hub:
        found = manage_access.list_users(hub)
    if json:
        give_json(found)
        return
    heads = (
        "用户 / name",
        "角色 / role",
        "公司 / company",
        "区划 / districts",
        "第二因素 / second factor",
        "添加于 / added",
        "停用 / disabled",
    )
    marks = {True: "×", False: ""}
    rows = [
        (
            u.name,
            u.role,
            u.company or "",
            " ".join(u.districts),
            marks[u.second_factor],
            u.created_at,
            marks[u.disabled],
        )
        for u in found
    ]
    give_table("用户 / Users", heads, rows)


# --- changing: the person's sessions end ---------------------------------------------------------------------------


@user.command("role", help=zh("更换他人的角色（安全管理员）"))
def set_role(
    name: str, role: Annotated[Role, typer.Argument()], who: Who, company: Company = None, json: AsJson = False
) -> None:
    """Give somebody another role (security_admin)."""
    with writing(as_json=json) as hub:
        actor = authenticate(hub, who, Right.ACCESS_MANAGE)
        manage_access.set_role(hub, name, role, company=company, actor=actor)
    _give(say(f"{name} 现为 {role}", f"{name} is now {role}"), {"name": name, "role": role.value}, json)


@user.command("districts", help=zh("限定他人可见的区划；一个不写即全部（安全管理员）"))
def set_districts(
    name: str,
    who: Who,
    districts: Annotated[list[str] | None, typer.Argument(metavar="[DISTRICT]...", help="110101")] = None,
    json: AsJson = False,
) -> None:
    """Let somebody see these districts alone; none: all (security_admin)."""
    with writing(as_json=json) as hub:
        actor = authenticate(hub, who, Right.ACCESS_MANAGE)
        manage_access.set_districts(hub, name, districts or (), actor=actor)
    shown = " ".join(districts or ())
    text = say(f"{name} 可见区划：{shown or '全部'}", f"{name} sees: {shown or 'all districts'}")
    _give(text, {"name": name, "districts": districts or []}, json)


@user.command("disable", help=zh("停用他人（安全管理员）；会话随即结束"))
def disable(name: str, who: Who, json: AsJson = False) -> None:
    """Let somebody in no more (security_admin); their sessions end."""
    with writing(as_json=json) as hub:
        manage_access.disable_user(hub, name, actor=authenticate(hub, who, Right.ACCESS_MANAGE))
    _give(say(f"已停用 {name}", f"disabled {name}"), {"name": name, "disabled": True}, json)


@user.command("totp", help=zh("设定第二因素：一次性显示 otpauth:// 地址；--reset 由安全管理员撤去丢失的"))
def totp(
    name: str,
    who: Who,
    reset: Annotated[bool, typer.Option("--reset", help=say("撤去，不设新的", "take it away"))] = False,
    json: AsJson = False,
) -> None:
    """Set a second factor and show its otpauth:// URI, once; --reset takes a lost one away (security_admin)."""
    with writing(as_json=json) as hub:
        actor = authenticate(hub, who, _right_over(name, who))
        if reset:
            manage_access.reset_second_factor(hub, name, actor=actor)
            text = say(f"已撤去 {name} 的第二因素", f"{name} has no second factor any more")
        else:
            text = manage_access.set_second_factor(hub, name, actor=actor)
    _give(text, {"name": name, "uri": None if reset else text}, json)


@user.command("password", help=zh("更换密码：自己的，或由安全管理员更换他人的"))
def password(name: str, who: Who, password_file: PasswordFile = None, json: AsJson = False) -> None:
    """Change a password: one's own, or another's (security_admin)."""
    with writing(as_json=json) as hub:
        actor = authenticate(hub, who, _right_over(name, who))
        manage_access.change_password(hub, name, _new_password(name, password_file), actor=actor)
    _give(say(f"已更换 {name} 的密码", f"changed the password of {name}"), {"name": name}, json)


def _right_over(name: str, who: str) -> Right:
    return Right.SESSION_OWN if name == who else Right.ACCESS_MANAGE
