"""Holders' names as companies write them: notes beside a name, and words where no name is known (case 58)."""

from __future__ import annotations

import re
from typing import Final

from schemas.text import fold_name

_NOTE: Final = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|【[^【】]*】")
#: Words that stand for "nobody known", and the names that billing systems give a customer by default.
_NOBODY: Final = re.compile(
    "无|无名|无名氏|没有|暂无|不详|未知|不明|待定|待查|待核实|待补|待过户|空户|空置|空号|同上"
    "|新?用户|用[水气热电]户|住户|居民户?|业主|户主|房主|房东|租户|租客|客户"
    "|默认(?:用户|户名)?|测试(?:用户)?|临时(?:户|用户)?|匿名|先生|女士"
    "|null|none|na|n/a|test|xxx|unknown"
)


def holder_name(text: str) -> str:
    """Return the folded name without notes in brackets: 张三（已故） → 张三; empty where it names nobody."""
    name = _NOTE.sub("", fold_name(text)).strip("-_/.,、")
    return "" if is_nobody(name) else name


def is_nobody(folded: str) -> bool:
    """Tell whether a folded text is no name, address or other word to find anybody by: 无, 业主, 1111, 000000."""
    return len(folded) < 2 or _NOBODY.fullmatch(folded) is not None or len(set(folded)) == 1 or folded.isdigit()
