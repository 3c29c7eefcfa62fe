"""``audit``: who did what 审计, and the proof that nobody rewrote it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from integration.cli.exits import Exit, leave
from integration.cli.session import file_option, reading, settings, store_alone, writing
from integration.cli.words import AsJson, give_json, give_lines, give_table, say, zh
from integration.storage import audit, overview
from integration.storage.audit_verify import verify
from schemas.list_check import read_manifest

audits = typer.Typer(no_args_is_help=True)

KeyOption = Annotated[
    Path | None, file_option("检查点公钥；默认本机的", "public key of checkpoints; default: this hub's", "--key")
]
Witnesses = Annotated[
    list[Path] | None,
    file_option("别处保存的清单或检查点", "a manifest or checkpoint that somebody else kept", "--witness"),
]


@audits.command("verify", help=zh("重算审计树、签名与每次入账的摘要"))
def check(key: KeyOption = None, witness: Witnesses = None, json: AsJson = False) -> None:
    """Recompute the tree, the signatures and the effects; needs the public key alone."""
    public = (key or settings().keys / "checkpoints.pub.pem").read_bytes()
    notes = [_note(path) for path in witness or []]
    with store_alone() as store, store.read() as connection:
        found = verify(connection, public, witnesses=notes)
        newest = audit.newest_checkpoint(connection)
    if json:
        give_json({"sound": not found, "faults": found, "tree_size": newest.tree_size if newest else 0})
    elif found:
        rows = [(one.code, one.subject, _meaning(one.code)) for one in found]
        give_table("审计问题 / Faults", ("代码 / code", "对象 / subject", "含义 / meaning"), rows)
        give_lines(
            say(
                "请勿继续运行；保留现状，与备份及各公司所存清单核对。",
                "stop working on this database, keep it as it is; compare with backups and companies' manifests",
            )
        )
    else:
        size = newest.tree_size if newest else 0
        give_lines(
            say(
                f"✓ 审计无误：{size:,} 条，{len(notes)} 份外部凭证",
                f"✓ the audit is sound: {size:,} rows, {len(notes)} witnesses",
            )
        )
    leave(Exit.REFUSED if found else Exit.DONE)


def _meaning(code: str) -> str:
    words = {
        "NOT_SEQUENCED": say(
            "尚未编入检查点；请运行 audit checkpoint", "not in a checkpoint yet; run: audit checkpoint"
        ),
        "NOT_SIGNED": say("末尾记录无检查点签名", "the last rows are covered by no signed checkpoint"),
        "CHECKPOINT_CHANGED": say(
            "检查点与记录不符，或公钥不对", "the checkpoint does not fit the rows, or another key"
        ),
        "WITNESS_DISAGREES": say("与别处保存的凭证不符", "differs from what somebody else kept"),
        "LEAF_MISSING": say("审计树缺少一片", "a leaf of the audit tree is missing"),
        "ROW_MISSING": say("审计记录被删除", "an audit row was removed"),
        "ROW_CHANGED": say("审计记录被改动", "an audit row was changed"),
        "EFFECT_CHANGED": say("入账、登记或名单与审计所记不符", "postings, records or a list differ from the audit"),
        "EFFECT_WITHOUT_AUDIT": say(
            "没有审计记录的入账、登记或名单", "postings, records or a list that no audit row states"
        ),
    }
    return words.get(code, code)


def _note(path: Path) -> str:
    content = path.read_bytes()
    manifest = read_manifest(content)
    return content.decode("utf-8", "replace") if manifest is None else manifest.checkpoint


@audits.command("checkpoint", help=zh("立即签发检查点并打印"))
def checkpoint(json: AsJson = False) -> None:
    """Sign a checkpoint over everything done so far, and print it; keep a copy elsewhere."""
    with writing(as_json=json) as hub:
        made = audit.sequence(hub.store, hub.ring, hub.clock)
        if made is None:
            with hub.store.read() as connection:
                made = audit.newest_checkpoint(connection)
    note = made.note if made else ""
    if json:
        give_json({"tree_size": made.tree_size if made else 0, "note": note})
    else:
        give_lines(note.rstrip("\n") or say("审计尚无内容", "the audit is empty"))


@audits.command("log", help=zh("最近的审计记录"))
def log(
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 30,
    action: Annotated[str | None, typer.Option(help=say("只看此类", "only this action"))] = None,
    json: AsJson = False,
) -> None:
    """Show the newest audit rows."""
    with reading() as hub, hub.store.read() as connection:
        found = overview.last_audit(connection, limit, action)
    if json:
        give_json(found)
        return
    heads = (
        "#",
        say("时间", "at"),
        say("何人", "actor"),
        say("何事", "action"),
        say("对象", "subject"),
        say("内容", "detail"),
    )
    rows = [(str(a.audit_id), a.at, a.actor, a.action, a.subject, bytes(a.detail).decode()[:60]) for a in found]
    give_table("审计 / Audit", heads, rows)
