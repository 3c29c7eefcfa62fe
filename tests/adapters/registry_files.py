"""Hand-made registry files for the tests; what the readers should say of them stands in the tests."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

ID_1 = "11010519491231002X"
ID_2 = "110105198001010016"

HEADER: dict[str, Any] = {
    "type": "header",
    "source": "civil-affairs",
    "kind": "snapshot",
    "message_id": "m-1",
    "position": 7,
    "as_of": 20261020,
    "month": "2026-11",
}


def record(**changes: Any) -> dict[str, Any]:
    return {
        "certificates": [{"issuer": "330102", "kind": "dibao", "number": "DB0001"}],
        "category": "dibao_urban",
        "status": "active",
        "valid_from": 20260101,
        "valid_to": 20261231,
        "address": {"district": "330102", "community": "和平社区", "text": "和平路12号3栋2单元501室"},
        "members": [{"name": "张三丰", "id_number": ID_1}],
        "effective_on": 20260101,
        "source_version": 5,
    } | changes


def line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def ndjson(lines: Sequence[bytes], header: dict[str, Any] = HEADER, **trailer: Any) -> bytes:
    """A whole file of these record lines; ``trailer`` overrides what would be right."""
    body = line(header) + b"".join(lines)
    districts = Counter(
        value["address"]["district"]
        for each in lines
        if isinstance(value := _loaded(each), dict) and "address" in value
    )
    right = {
        "type": "trailer",
        "rows": len(lines),
        "districts": dict(districts),
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    return body + line(right | trailer)


def _loaded(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


BUREAU_HEADER = "#HDR,市民政局,全量,m-1,7,20261020,2026-11"
BUREAU_NAMES = (
    "发证机关,证件类别,证件号,原证件号,类别,状态,有效期起,有效期止,区划代码,社区,住址,"
    "姓名,身份证号,与户主关系,成员状态,死亡日期,生效日期,版本号,新增,水户号,郊水户号,燃气户号,热力户号"
)
DEFAULTS = dict(
    zip(
        BUREAU_NAMES.split(","),
        f"市局,低保证,DB0001,,城市低保,正常,20260101,20261231,330102,和平社区,和平路12号3栋2单元501室,"
        f"张三丰,{ID_1},户主,正常,,20260101,5,N,00012345,,,".split(","),
        strict=True,
    )
)


def member_line(**changes: str) -> str:
    return ",".join((DEFAULTS | changes).values())


def bureau(
    lines: Sequence[str],
    *,
    header: str = BUREAU_HEADER,
    names: str = BUREAU_NAMES,
    newline: str = "\r\n",
    **trailer: str,
) -> bytes:
    """A whole file of these member lines; ``trailer`` overrides 户数, 人数, 区划, SHA256."""
    body = "".join(each + newline for each in (header, names, *lines)).encode("gb18030")
    households = {tuple(each.split(",")[i] for i in (0, 1, 2, 17, 8)) for each in lines if each.count(",") == 22}
    districts = Counter(key[-1] for key in households)
    right = {
        "户数": str(len(households)),
        "人数": str(len(lines)),
        "区划": ";".join(f"{district}={count}" for district, count in sorted(districts.items())),
        "SHA256": hashlib.sha256(body).hexdigest(),
    }
    return body + (",".join(("#TRL", *(right | trailer).values())) + newline).encode("gb18030")
