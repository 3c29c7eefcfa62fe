"""``init`` and ``config check``: from nothing to a hub that can be filled."""

from __future__ import annotations

import typer

from integration.app import check_configuration
from integration.cli.session import settings
from integration.cli.words import AsJson, give_json, give_lines, say, zh
from integration.settings import config_folder
from integration.storage.engine import Store
from integration.storage.keys import KeyRing, init_keys

config = typer.Typer(no_args_is_help=True)


def init(json: AsJson = False) -> None:
    """Make the data folder, the keys and the database; what is there already stays as it is."""
    found = settings()
    found.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = not (found.keys.exists() and any(found.keys.iterdir()))
    if fresh:
        init_keys(found.keys)
    KeyRing.load(found.keys)
    store = Store.open(found.url)
    try:
        store.migrate()
        dialect = store.dialect
    finally:
        store.close()
    if json:
        give_json({"data_dir": str(found.data_dir), "keys": str(found.keys), "keys_made": fresh, "database": dialect})
        return
    keys = say("密钥已生成", "keys made") if fresh else say("密钥已存在，未改动", "keys are there already, untouched")
    give_lines(
        f"{keys}: {found.keys}",
        say("请另行备份密钥文件夹：丢失后数据无法读取", "back up the key folder elsewhere: without it nothing opens"),
        f"{say('数据库就绪', 'database ready')}: {dialect}",
        f"{say('下一步', 'next')}: waiverhub user add NAME --role security_admin",
    )


@config.command("check", help=zh("检查设置、政策与公司配置，一次列出全部错误"))
def check(json: AsJson = False) -> None:
    """Check settings, policy and companies, and list every fault at once."""
    settings()
    found = check_configuration()
    if json:
        give_json({"config": str(config_folder()), "faults": []})
        return
    give_lines(
        say(f"配置无误：{config_folder()}", f"the configuration is sound: {config_folder()}"),
        f"data_dir = {found.data_dir}",
        f"registry_source = {found.registry_source}",
    )
