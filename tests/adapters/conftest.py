"""Servers are started once for all tests of channels."""

from __future__ import annotations

from sshd import in_thread, line, opened, openssh, root, served

__all__ = ["in_thread", "line", "opened", "openssh", "root", "served"]
