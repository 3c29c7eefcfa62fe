"""``serve``: the hub as a service."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from integration.cli.session import settings
from integration.cli.words import err, say


class Part(StrEnum):
    """What a process does, where the service is parted."""

    WEB = "web"
    WORKER = "worker"


_ONLY = say("只做这一部分；默认全做", "do this part alone; without it, all")
_PEM = {"exists": True, "dir_okay": False, "readable": True}
Only = Annotated[Part | None, typer.Option("--only", help=_ONLY)]
Certificate = Annotated[Path | None, typer.Option("--tls-cert", help=say("TLS 证书", "certificate, PEM"), **_PEM)]
Key = Annotated[Path | None, typer.Option("--tls-key", help=say("TLS 私钥", "private key, PEM"), **_PEM)]
_PROXY = say("前有代理：不按来源地址限流", "a proxy stands in front: count nothing by address")
BehindProxy = Annotated[bool, typer.Option("--behind-proxy", help=_PROXY)]
ClientCa = Annotated[
    Path | None, typer.Option("--client-ca", help=say("客户端证书的 CA", "CA of client certificates, PEM"), **_PEM)
]
_SFTP = say("SFTP 端口；不写则不开", "port for SFTP, where partners lay and fetch files; without it, none")
SftpPort = Annotated[int | None, typer.Option("--sftp-port", min=0, max=65535, help=_SFTP)]


def _tell(url: str) -> None:
    err().print(say(f"正在服务：{url}", f"serving: {url}") if url else say("正在工作", "working"))


def _tell_sftp(address: str, fingerprint: str) -> None:
    err().print(say(f"SFTP：{address}，主机密钥 {fingerprint}", f"SFTP: {address}, host key {fingerprint}"))


def serve(
    host: Annotated[str, typer.Option(help=say("监听地址", "address to listen on"))] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help=say("端口", "port"))] = 8080,
    only: Only = None,
    behind_proxy: BehindProxy = False,
    tls_cert: Certificate = None,
    tls_key: Key = None,
    client_ca: ClientCa = None,
    sftp_port: SftpPort = None,
) -> None:
    """Serve the API and do the work of the calendar, until asked to end (SIGTERM drains within 30 s)."""
    from integration import logs
    from integration.app import open_hub
    from integration.clock import system_clock
    from integration.service import Service
    from integration.service import serve as serve_hub
    from integration.web.sftp.door import SftpOptions

    _check_together(only, tls_cert, tls_key, sftp_port)
    found = settings()
    logs.configure(system_clock)
    key = found.keys / "sftp_host_key"
    sftp = None if sftp_port is None else SftpOptions(key, host, sftp_port, behind_proxy, told=_tell_sftp)
    with open_hub(found) as hub:
        service = Service(
            folder=found.data_dir / "service",
            host=host,
            port=port,
            web=only is not Part.WORKER,
            work=only is not Part.WEB,
            audience=found.audience,
            behind_proxy=behind_proxy,
            tls_cert=tls_cert,
            tls_key=tls_key,
            client_ca=client_ca,
            sftp=sftp,
            told=_tell,
        )
        asyncio.run(serve_hub(hub, service))


def _check_together(only: Part | None, tls_cert: Path | None, tls_key: Path | None, sftp_port: int | None) -> None:
    if (tls_cert is None) != (tls_key is None):
        raise typer.BadParameter(say("--tls-cert 与 --tls-key 须同时给出", "--tls-cert and --tls-key go together"))
    if sftp_port is not None and only is Part.WORKER:
        raise typer.BadParameter(say("--sftp-port 属于 web 部分", "--sftp-port is of the part web"))
