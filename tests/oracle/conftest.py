from hubs import hub, settings, sqlite_hub  # noqa: F401
