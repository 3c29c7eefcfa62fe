"""What text may cross a border, and the folded form in which names are compared. The original is always kept too."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

#: GB 18030-2022 moved 18 characters from private use to real code points (ten vertical forms, eight Han characters),
#: and the 2005 edition one (ḿ); older files and Python's codec still give the private ones (edge cases 4.5).
PRIVATE_USE: Final = {
    0xE78D: 0xFE10,
    0xE78E: 0xFE12,
    0xE78F: 0xFE11,
    0xE790: 0xFE13,
    0xE791: 0xFE14,
    0xE792: 0xFE15,
    0xE793: 0xFE16,
    0xE794: 0xFE17,
    0xE795: 0xFE18,
    0xE796: 0xFE19,
    0xE7C7: 0x1E3F,
    0xE81E: 0x9FB4,
    0xE826: 0x9FB5,
    0xE82B: 0x9FB6,
    0xE82C: 0x9FB7,
    0xE832: 0x9FB8,
    0xE843: 0x9FB9,
    0xE854: 0x9FBA,
    0xE864: 0x9FBB,
}
#: The dot in names such as 买买提·艾力 is typed in many ways; after NFKC the full stop stands for ．
_DOTS: Final = "·•‧∙⋅・･。.｡ᐧ⸱"
_FOLD: Final = PRIVATE_USE | dict.fromkeys(map(ord, _DOTS), "·")

# Controls, the marks that turn or hide text (bidi, zero width), the character that stands for lost bytes, lone
# surrogates, non-characters, and line breaks only Unicode knows.
_FORBIDDEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff\ufdd0-\ufdef"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_FORMULA: Final = frozenset("=+-@＝＋－＠")


def fold_name(name: str) -> str:
    """Return the form in which two spellings of one name are equal; never shown, never sent.

    Compatibility forms (full width) are unified, GB18030's private characters become real ones, middle dots become one,
    blanks go, Latin letters lose their case.
    """
    folded = unicodedata.normalize("NFKC", name.translate(PRIVATE_USE)).translate(_FOLD)
    # Once more at the end: a blank that went may have kept a letter from its accent.
    return unicodedata.normalize("NFKC", "".join(folded.split()).casefold())


def forbidden_character(text: str) -> str | None:
    """Name the first character that may not come in, as U+XXXX; None if there is none (promise G3).

    ``str.isprintable`` settles nearly every text at once; private characters and the wide blank fail it, and may pass.
    """
    if text.isprintable() and "\ufffd" not in text:
        return None
    found = _FORBIDDEN.search(text)
    return f"U+{ord(found[0]):04X}" if found else None


def looks_like_formula(text: str) -> bool:
    """Tell whether a spreadsheet would run this identifier; it is refused when it comes in (promise G5).

    Machine lists must not alter data, so nothing is escaped on the way out.
    """
    return text[:1] in _FORMULA


def in_language(text: str, language: str) -> str:
    """Return the half in a language (zh or en) of a text written ``中文 / English``; another text as it is."""
    chinese, slash, english = text.partition(" / ")
    if not slash or chinese.isascii():
        return text
    return chinese if language == "zh" else english
