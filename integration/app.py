"""The composition root: settings, policy, partners, database and keys become one hub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from holidays import country_holidays

from adapters.base import CompanyPort
from adapters.registry import companies_in, list_writers, partners_in, registry_reader, sandbox_in
from integration.clock import Clock, system_clock
from integration.domain.calendar import Workdays, Year, load_calendar, notice_of
from integration.domain.policy import Policy, load_policy
from integration.jobs.hub import Hub, Progress, no_progress
from integration.settings import Settings, config_folder, load_settings
from integration.storage.engine import Store
from integration.storage.keys import KeyRing
from schemas.configuration import ConfigFault, ConfigurationRefused, read_toml
from schemas.streets import NO_STREETS, Streets, load_streets


def policy_in(folder: Path) -> Policy:
    """Read every policy file of a folder (or one file).

    Raises:
        ConfigurationRefused: with every fault of every file.
    """
    paths = sorted(folder.glob("*.toml")) if folder.is_dir() else [folder]
    faults: list[ConfigFault] = []
    parsed = {}
    for path in paths:
        try:
            parsed[path.name] = read_toml(path.name, path.read_bytes())
        except ConfigurationRefused as refused:
            faults += refused.faults
    if faults:
        raise ConfigurationRefused(faults)
    return load_policy(parsed)


def year_in(folder: Path, policy: Policy) -> Year:
    """Read the calendar and the notices of work days of a configuration folder.

    Raises:
        ConfigurationRefused: with every fault of the calendar, or of a notice.
    """
    path = folder / "calendar.toml"
    calendar = load_calendar(path.name, read_toml(path.name, path.read_bytes()))
    notices = {
        int(one.stem): notice_of(one.name, read_toml(one.name, one.read_bytes()))
        for one in sorted((folder / "workdays").glob("[0-9][0-9][0-9][0-9].toml"))
    }
    return Year(calendar, Workdays(notices, country_holidays("CN").is_working_day), policy)


def streets_in(folder: Path) -> Streets:
    """Read the renamed streets of a configuration folder; a city without any needs no file.

    Raises:
        ConfigurationRefused: with every fault.
    """
    path = folder / "streets.toml"
    return load_streets(path.name, read_toml(path.name, path.read_bytes())) if path.exists() else NO_STREETS


def check_configuration() -> Settings:
    """Check settings, policy and companies together, so that all faults are told at once.

    Raises:
        ConfigurationRefused: with every fault of every file.
    """
    faults: list[ConfigFault] = []
    settings: Settings | None = None
    try:
        settings = load_settings()
    except ConfigurationRefused as refused:
        faults += refused.faults
    folder = config_folder()
    checks = (
        lambda: year_in(folder, policy_in(folder / "policy")),
        lambda: companies_in(folder / "companies"),
        lambda: partners_in(folder / "partners"),
        lambda: streets_in(folder),
    )
    for check in checks:
        try:
            check()
        except ConfigurationRefused as refused:
            faults += refused.faults
    if faults or settings is None:
        raise ConfigurationRefused(faults)
    return settings


def companies_of(settings: Settings) -> dict[str, CompanyPort]:
    """Read the companies, and with them the one that answers by itself, if it is wanted.

    Raises:
        ConfigurationRefused: with every fault of every file.
    """
    found: dict[str, CompanyPort] = {**companies_in(config_folder() / "companies")}
    return found | {"sandbox": sandbox_in(config_folder() / "sandbox")} if settings.sandbox else found


@contextmanager
def open_hub(
    settings: Settings | None = None,
    *,
    clock: Clock = system_clock,
    writer: bool = True,
    progress: Progress = no_progress,
) -> Iterator[Hub]:
    """Open the hub as configured; with ``writer=False`` for reading, beside a running one.

    Raises:
        ConfigurationRefused: the configuration has faults.
        KeysUnusable: the keys are missing or not private.
        StoreBusy: another process writes to this SQLite database.
    """
    settings = settings or check_configuration()
    ring = KeyRing.load(settings.keys)
    store = Store.open(settings.url, writer=writer)
    try:
        if writer:
            store.migrate()
        yield compose(store, ring, settings, clock=clock, progress=progress)
    finally:
        store.close()


def compose(
    store: Store, ring: KeyRing, settings: Settings, *, clock: Clock = system_clock, progress: Progress = no_progress
) -> Hub:
    """Put the hub together from an open database and keys at hand."""
    policy = policy_in(config_folder() / "policy")
    return Hub(
        store=store,
        ring=ring,
        clock=clock,
        policy=policy,
        companies=companies_of(settings),
        sources=partners_in(config_folder() / "partners"),
        homes=settings.homes,
        registry_reader=registry_reader,
        list_writers=list_writers,
        registry_source=settings.registry_source,
        year=year_in(config_folder(), policy),
        streets=streets_in(config_folder()),
        raw_retention_days=settings.raw_retention_days,
        progress=progress,
    )
