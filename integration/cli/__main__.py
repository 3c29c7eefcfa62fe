"""``python -m integration.cli``."""

from __future__ import annotations

from integration.cli import main

main()
