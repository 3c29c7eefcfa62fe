"""What the system administrator sees of the partners' boxes and of the files that came out of them."""

from __future__ import annotations

from pathlib import Path

from boxes import FolderBox, look, roster_of, with_boxes
from callers import Caller

from integration.jobs.collect import boxes_of


async def test_files_and_boxes_are_seen(api: Caller, tmp_path: Path) -> None:
    box = FolderBox(tmp_path / "water", settle_s=0)
    box.lay("roster1.txt", roster_of(1, rows_said=2))
    look(with_boxes(api.hub, city_water=box), later_s=0)
    (file,) = await api.json("GET", "/v1/admin/collected?unfinished=true", "system_admin")
    assert (file["partner"], file["name"], file["state"], file["code"]) == ("city_water", "roster1.txt", "kept", "")
    seen = await api.json("GET", "/v1/admin/boxes", "system_admin")
    assert [one["partner"] for one in seen] == boxes_of(api.hub)
