from hubs import hub, hub_maker, settings, sqlite_hub  # noqa: F401
