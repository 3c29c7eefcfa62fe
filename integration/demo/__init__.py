"""A believable city: its people, its partners' files, and beside them what is truly due."""

from integration.demo.building import build_city
from integration.demo.city import City
from integration.demo.steps import Expect, Step
from integration.demo.story import expected_ledger, write_story

__all__ = ["City", "Expect", "Step", "build_city", "expected_ledger", "write_story"]
