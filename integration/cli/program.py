"""The program: every command in its place, and the options that stand before them."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from integration.cli import (
    adapters,
    audits,
    backups,
    casework,
    checking,
    clients,
    deciding,
    exchange,
    findings,
    holding,
    households,
    intake,
    jobs,
    linking,
    lists,
    merging,
    months,
    people,
    reports,
    rolling_up,
    sampling,
    sandbox,
    scoring,
    serving,
    settling,
    setup,
    standing,
    trials,
)
from integration.cli.exits import HubGroup, epilog
from integration.cli.words import language, out, say, zh

program = typer.Typer(
    cls=HubGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="rich",
    epilog=epilog(),
)


class Language(StrEnum):
    """Languages of the command line."""

    ZH = "zh"
    EN = "en"


DataDir = Annotated[Path | None, typer.Option(help=say("数据文件夹", "Folder of the hub's data."))]
DatabaseUrl = Annotated[str | None, typer.Option(help=say("数据库", "sqlite:///FILE or postgresql://…"))]
ConfigFolder = Annotated[
    Path | None, typer.Option("--config", help=say("配置文件夹", "Folder with hub.toml, policy/ and companies/."))
]
LanguageOption = Annotated[Language | None, typer.Option(help=say("语言", "Language of messages."))]


@program.callback(help=zh("从民政登记到各公司签名减免名单"))
def _options(
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    config: ConfigFolder = None,
    language: LanguageOption = None,
) -> None:
    """Carry the civil-affairs registry to signed waiver lists for the companies."""
    given = {"DATA_DIR": data_dir, "DATABASE_URL": database_url, "CONFIG": config, "LANGUAGE": language}
    os.environ.update({f"WAIVERHUB_{name}": str(value) for name, value in given.items() if value is not None})


Folder = Annotated[Path, typer.Option(file_okay=False, help=say("演示所用的空文件夹", "an empty folder to play in"))]


def demo(
    folder: Folder = Path("demo"),
    households: Annotated[int, typer.Option(min=300, help=say("家庭数", "how many households"))] = 20_000,
    seed: Annotated[int, typer.Option(help=say("随机种子", "equal seeds give equal cities"))] = 1,
) -> None:
    """Play three months of a whole city, and show what came of it."""
    from integration.demo.play import play

    raise typer.Exit(play(folder, households, seed, language(), out()))


_SINGLE = (
    ("serve", serving.serve, "运行服务：接口、时钟与后台工作"),
    ("init", setup.init, "建立数据文件夹、密钥与数据库"),
    ("status", standing.status, "现状与下一步"),
    ("submissions", intake.submissions, "最近的报送"),
    ("purge", intake.purge, "删除超过保存期的报送原文与逐行结果"),
    ("run", months.run, "计算一个月"),
    ("dry-run", trials.try_month, "试算：谁增谁减，不保存"),
    ("publish", months.publish, "发布一个月的名单"),
    ("reconcile", findings.reconcile, "核对：重判有变动的账单，更新差异与平衡"),
    ("balance", findings.balance, "平衡：名单所列额度的去向"),
    ("detect", scoring.detect, "核查：应享未享、低保标志、逾期与变动"),
    ("claims", scoring.claims, "多减与少减并列：按公司、区划或社区"),
    ("scorecard", scoring.scorecard, "公司每月评分"),
    ("settle", settling.settle, "结算公司一个回盘月，或出具编号调整"),
    ("rollup", rolling_up.rollup, "汇总各市签名结算单"),
    ("check-file", checking.check_file, "发送前核查文件：只看文件本身"),
    ("verify-list", lists.verify_list, "只凭文件与公钥核对名单"),
    ("explain", households.explain, "解释某户某月为何有或没有额度"),
    ("demo", demo, "演示：一座城市的三个月"),
)
_NOUNS = (
    ("config", setup.config, "配置", "The configuration."),
    ("user", people.user, "用户", "Who may do what."),
    ("client", clients.client, "机器客户端", "Machines that may come in."),
    ("registry", intake.registry, "民政登记", "The registry of civil affairs."),
    ("roster", intake.roster, "公司用户档案", "Companies' rosters."),
    ("aliases", intake.aliases, "公司换号", "Companies' renumberings."),
    ("list", lists.listing, "名单", "Published lists."),
    ("report", reports.report, "回盘", "Companies' reports."),
    ("sample", sampling.sample, "审计抽样", "Audit samples of what companies report."),
    ("findings", findings.findings, "差异", "What disagrees, and who must act."),
    ("variance", scoring.variance, "月度变动及其说明", "Changes from month to month, and their explanations."),
    ("settlement", settling.settlement, "结算单", "Signed settlements and their adjustments."),
    ("case", casework.case, "工单", "What people must decide."),
    ("household", merging.household, "家庭", "Households."),
    ("hold", holding.hold, "暂存", "What waits for two persons."),
    ("decision", deciding.decision, "决定", "What people decide about an allowance: claw-back, wrong link, opt-out."),
    ("jobs", jobs.jobs, "时钟作业", "What the clock does."),
    ("outbox", jobs.outbox, "外发报文", "What is sent to companies."),
    ("exchange", exchange.exchange, "文件交换", "Files that come from partners, and lists that go to them."),
    ("adapter", adapters.adapter, "适配约定", "The contract that every partner signs."),
    ("sandbox", sandbox.sandbox, "沙盒公司", "A company for trying things out."),
    ("backup", backups.backup, "备份", "Backups, and proving them by a real restore."),
    ("restore", backups.restore, "恢复", "Restoring a backup, and confirming it."),
    ("audit", audits.audits, "审计", "Who did what, and its proof."),
    ("link", linking.link, "关联家庭与户号", "Link households and accounts, wherever something moved."),
)
for _name, _command, _help in _SINGLE:
    program.command(_name, help=zh(_help))(_command)
for _name, _noun, _chinese, _english in _NOUNS:
    program.add_typer(_noun, name=_name, help=say(_chinese, _english))
