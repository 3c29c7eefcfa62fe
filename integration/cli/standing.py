"""``status``: where the hub stands, and the next thing to do."""

from __future__ import annotations

from integration.cli.session import reading
from integration.cli.words import AsJson, give_json, give_lines, give_table, say
from integration.jobs.standing import standing


def status(json: AsJson = False) -> None:
    """Show where the hub stands and what to do next."""
    with reading() as hub:
        found = standing(hub)
    if json:
        give_json(found)
        return
    give_lines(f"{say('知识版本', 'knowledge version')}: {found.version:,}")
    months = ", ".join(dict.fromkeys(run.month for run in found.runs)) or "-"
    give_lines(f"{say('已计算月份', 'months computed')}: {months}")
    heads = ("公司 / company", "最新名单 / newest list", "月份 / month", "行 / rows", "最近回盘 / newest report")
    rows = [
        (code, *((one.number, one.month, one.rows) if one else (None, None, None)), found.reports[code])
        for code, one in found.lists.items()
    ]
    give_table("", heads, rows)
    give_lines(
        f"{say('未结差异', 'open findings')}: {found.findings:,}",
        f"{say('待决暂存', 'open holds')}: {found.open_holds}",
        f"{say('最新月份未落户的额度', 'allowances of the newest month on no account yet')}: {found.unplaced:,}",
        f"{say('下一步', 'next')}: {found.next}",
    )
