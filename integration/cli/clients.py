"""``client``: the machines that may come in, and what each proves itself with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from integration.cli.exits import Refused
from integration.cli.session import Who, authenticate, file_option, reading, writing
from integration.cli.words import AsJson, err, give_json, give_lines, give_table, say, zh
from integration.domain.rights import ClientKind, Right
from integration.jobs import manage_clients

client = typer.Typer(no_args_is_help=True)

Jwk = Annotated[Path | None, file_option("公钥文件（JWK）", "its public key, a JWK", "--jwk")]
Certificate = Annotated[Path | None, file_option("证书文件（PEM）", "its certificate, PEM", "--certificate")]
SshKey = Annotated[Path | None, file_option("SSH 公钥文件（SFTP 用）", "its public SSH key, for SFTP", "--ssh-key")]
Rights = Annotated[
    list[Right] | None,
    typer.Option("--right", help=say("权限，可重复；不写即该类全部", "a right; repeat; none: all of its kind")),
]


@client.command("add", help=zh("添加客户端（安全管理员）；未给公钥或证书时，密钥串只显示这一次"))
def add(  # noqa: PLR0913, PLR0917 - a command has as many as it has options
    client_id: Annotated[str, typer.Argument(metavar="ID")],
    kind: Annotated[ClientKind, typer.Option(help=say("类别", "what it is for"))],
    party: Annotated[
        str, typer.Option(help=say("公司代码，或登记来源", "the company's code, or the registry's source"))
    ],
    who: Who,
    title: Annotated[str, typer.Option(help=say("名称", "what it is called"))] = "",
    right: Rights = None,
    must_sign: Annotated[bool, typer.Option(help=say("请求须签名", "its requests must be signed"))] = False,
    must_tls: Annotated[bool, typer.Option(help=say("须用客户端证书", "it must show its certificate"))] = False,
    jwk: Jwk = None,
    certificate: Certificate = None,
    ssh_key: SshKey = None,
    json: AsJson = False,
) -> None:
    """Add a machine (security_admin). Without a key or certificate it gets a secret, shown this once."""
    proofs = _proofs(jwk, certificate, ssh_key)
    with writing(as_json=json) as hub:
        actor = authenticate(hub, who, Right.ACCESS_MANAGE)
        secret = manage_clients.add_client(
            hub,
            client_id=client_id,
            title=title or client_id,
            kind=kind,
            party=party,
            rights=right,
            must_sign=must_sign,
            must_tls=must_tls,
            actor=actor,
            **proofs,
        )
    _give(client_id, secret, say(f"已添加客户端 {client_id}", f"added client {client_id}"), json)


@client.command("rotate", help=zh("更换凭据（安全管理员）；旧凭据在宽限期后失效，旧令牌立即失效"))
def rotate(
    client_id: Annotated[str, typer.Argument(metavar="ID")],
    who: Who,
    grace_s: Annotated[int, typer.Option(help=say("旧凭据的宽限秒数", "seconds the old one stays good"))] = 0,
    jwk: Jwk = None,
    certificate: Certificate = None,
    ssh_key: SshKey = None,
    json: AsJson = False,
) -> None:
    """Give a machine its next credential (security_admin); its tokens end at once, the old one after a grace."""
    proofs = _proofs(jwk, certificate, ssh_key)
    with writing(as_json=json) as hub:
        actor = authenticate(hub, who, Right.ACCESS_MANAGE)
        secret = manage_clients.rotate_client(hub, client_id, grace_s=grace_s, actor=actor, **proofs)
    _give(client_id, secret, say(f"已更换 {client_id} 的凭据", f"rotated the credential of {client_id}"), json)


@client.command("revoke", help=zh("吊销客户端（安全管理员）；自下一次请求起生效"))
def revoke(client_id: Annotated[str, typer.Argument(metavar="ID")], who: Who, json: AsJson = False) -> None:
    """Let a machine in no more (security_admin), from its next request on."""
    with writing(as_json=json) as hub:
        manage_clients.revoke_client(hub, client_id, actor=authenticate(hub, who, Right.ACCESS_MANAGE))
    if json:
        give_json({"client_id": client_id, "revoked": True})
    else:
        give_lines(say(f"已吊销 {client_id}", f"revoked {client_id}"))


@client.command("list", help=zh("列出客户端"))
def show(json: AsJson = False) -> None:
    """List the machines, revoked ones too."""
    with reading() as hub:
        found = manage_clients.list_clients(hub)
    if json:
        give_json(found)
        return
    heads = (
        "编号 / id",
        "名称 / title",
        "类别 / kind",
        "单位 / party",
        "凭据 / proofs",
        "须 / must",
        "吊销于 / revoked",
    )
    rows = [
        (c.client_id, c.title, c.kind, c.party, " ".join(p.kind for p in c.proofs), _must(c), c.revoked_at or "")
        for c in found
    ]
    give_table("客户端 / Clients", heads, rows)


def _must(one: manage_clients.ListedClient) -> str:
    words = (("sign", one.must_sign), ("tls", one.must_tls))
    return " ".join(word for word, needed in words if needed)


def _give(client_id: str, secret: str | None, text: str, as_json: bool) -> None:
    """Tell what was done; a secret stands on stdout, alone, for whoever pipes it to where it belongs."""
    if as_json:
        give_json({"client_id": client_id, "secret": secret})
    elif secret is None:
        give_lines(text)
    else:
        err().print(f"{text}{say('；密钥串只显示这一次：', '; its secret is shown this once:')}", soft_wrap=True)
        give_lines(secret)


def _proofs(jwk: Path | None, certificate: Path | None, ssh_key: Path | None) -> dict[str, Any]:
    """Return the proofs that are given, as the job takes them."""
    return {
        "jwk": None if jwk is None else _read_jwk(jwk),
        "certificate_pem": None if certificate is None else certificate.read_text("ascii", errors="replace"),
        "ssh_key": None if ssh_key is None else ssh_key.read_text("utf-8-sig", errors="replace"),
    }


def _read_jwk(path: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except ValueError:  # msgspec's errors are ValueErrors too
        raise Refused(say(f"{path} 不是 JWK（JSON）", f"{path} is no JWK (JSON)")) from None
