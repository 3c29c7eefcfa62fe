"""The operators' door: one command, ``waiverhub``. A module per noun; ``exits`` holds the table of exit codes.

==== ==========================================================================================
0    done (a file that was here before counts as done)
1    refused, or a fault was found; the text says which and what to do
2    the command was used wrongly
3    held: two persons must decide (``waiverhub hold list``)
4    the configuration or the keys cannot be used
5    busy: another process writes to this database
6    not allowed: wrong password, or the role may not do this
7    the database refused
70   a fault of the hub itself; only class and place are shown, never data
==== ==========================================================================================
"""

from __future__ import annotations

import logging
import os
import sys


def main() -> None:
    """Run the command line; ``--language`` counts before anything, help included, is put into words."""
    for before, given in zip(["", *sys.argv], [*sys.argv, ""], strict=True):
        if before == "--language" or given.startswith("--language="):
            os.environ["WAIVERHUB_LANGUAGE"] = given.removeprefix("--language=")
    from integration.cli.program import program
    from integration.clock import system_clock
    from integration.logs import configure

    configure(system_clock, level=logging.WARNING)
    program(prog_name="waiverhub")
