"""Look an .xlsx file over before anything of it is opened: what it is, how large it is unpacked, what is hidden in it.

Sizes are counted by unpacking, not believed: the library that reads the sheet unpacks for itself, and what a directory
says of its files need not be so (PKWARE APPNOTE 6.3.10, 4.3.6). Whatever two programs could understand in two ways,
names that stand twice or a comment at the end of the file, is refused.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator
from typing import Final, NoReturn
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from isal import isal_zlib

from adapters.dialects.lines import empty_file
from schemas.faults import FileRefused, refuse

MAX_ENTRIES: Final = 1_000
MAX_UNPACKED_BYTES: Final = 512 << 20
#: So many times smaller than its content a part may be packed; a sheet of like rows comes to some thirty.
MAX_RATIO: Final = 100
_SMALL_BYTES: Final = 1 << 20

CHUNK_BYTES: Final = 1 << 20
_PIECE_BYTES: Final = 1 << 16
_ZIP: Final = b"PK\x03\x04"
#: The containers of .xls, and of .xlsx with a password (MS-CFB; MS-OFFCRYPTO 2.3.4 names the stream).
_COMPOUND: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_STREAM: Final = "EncryptedPackage".encode("utf-16-le")
_END: Final = struct.Struct("<4s16xH")
_LENGTHS: Final = struct.Struct("<4s22xHH")
_OTHER_WORKBOOKS: Final = frozenset(("xl/workbook.bin", "content.xml", "mimetype"))


def gathered(chunks: Iterable[bytes]) -> bytes:
    """Return a file whole, if it begins like a workbook: its directory stands at its end.

    Raises:
        FileRefused: it is empty, something else, or too large.
    """
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) >= len(_COMPOUND) and not data.startswith((_ZIP, _COMPOUND)):
            break
        if len(data) > MAX_UNPACKED_BYTES:
            raise too_large()
    if not data:
        raise empty_file()
    if data.startswith(_COMPOUND):
        raise _locked() if _ENCRYPTED_STREAM in data else _old_workbook()
    if not data.startswith(_ZIP):
        raise not_a_workbook()
    return bytes(data)


class Package:
    """The parts of a workbook by their names, in lower case as the library that reads them compares them.

    Raises:
        FileRefused: it is damaged, too large, locked, or holds what no table needs: macros, links, other files.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._parts: dict[str, ZipInfo] = {}
        for info in _directory(data):
            name = info.filename.casefold()
            _check_name(name)
            _check_packing(info)
            if name in self._parts:
                raise damaged()
            self._parts[name] = info
        if sum(info.file_size for info in self._parts.values()) > MAX_UNPACKED_BYTES:
            raise too_large()
        if "xl/workbook.xml" not in self._parts or _OTHER_WORKBOOKS.intersection(self._parts):
            raise not_a_workbook()

    def names(self) -> Iterable[str]:
        """Return the names of all parts."""
        return self._parts

    def unpack(self, name: str) -> Iterator[bytes]:
        """Return a part's content in chunks of at most 1 MiB.

        Raises:
            FileRefused: there is no such part, it is another size than it says, damaged, or an archive itself.
        """
        info = self._parts.get(name)
        if info is None:
            raise damaged()
        size = digest = 0
        packed = self._packed(info)
        for chunk in _inflated(packed) if info.compress_type == ZIP_DEFLATED else _pieces(packed):
            if size == 0 and chunk.startswith(_ZIP):
                _refuse_embedded()
            size += len(chunk)
            digest = isal_zlib.crc32(chunk, digest)
            if size > info.file_size:
                break
            yield chunk
        if (size, digest) != (info.file_size, info.CRC):
            raise damaged()

    def _packed(self, info: ZipInfo) -> memoryview:
        try:
            signature, name, extra = _LENGTHS.unpack_from(self.data, info.header_offset)
        except struct.error:
            raise damaged() from None
        start = info.header_offset + _LENGTHS.size + name + extra
        packed = memoryview(self.data)[start : start + info.compress_size]
        if signature != _ZIP or len(packed) != info.compress_size:
            raise damaged()
        return packed


def _directory(data: bytes) -> list[ZipInfo]:
    # the end must be the end: behind a comment another directory could stand
    signature, comment = _END.unpack(data[-_END.size :]) if len(data) > _END.size else (b"", 0)
    if signature != b"PK\x05\x06" or comment:
        raise damaged()
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            found = archive.infolist()
    except (BadZipFile, NotImplementedError, UnicodeDecodeError, ValueError, struct.error):
        raise damaged() from None
    if len(found) > MAX_ENTRIES:
        raise too_large()
    return found


def _check_name(name: str) -> None:
    if name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"):
        raise damaged()
    if name.endswith("vbaproject.bin") or name.startswith("xl/macrosheets/"):
        raise refuse(
            "MACROS", "工作簿含宏，请另存为不含宏的 .xlsx / the workbook holds macros; save it as .xlsx without macros"
        )
    if "/externallinks/" in f"/{name}":
        raise refuse(
            "EXTERNAL_LINKS",
            "工作簿引用别的文件，请断开链接（数据→编辑链接）后重新发送"
            " / the workbook takes values from other files; break the links and send it again",
        )
    if name.endswith((".zip", ".xlsx", ".xls", ".docx")):
        _refuse_embedded()


def _check_packing(info: ZipInfo) -> None:
    if info.flag_bits & 0x1:
        raise _locked()
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise damaged()
    if info.file_size > max(_SMALL_BYTES, MAX_RATIO * info.compress_size):
        raise too_large()


def _pieces(data: memoryview) -> Iterator[bytes]:
    return (bytes(data[at : at + CHUNK_BYTES]) for at in range(0, len(data), CHUNK_BYTES))


def _inflated(packed: memoryview) -> Iterator[bytes]:
    inflate = isal_zlib.decompressobj(-isal_zlib.MAX_WBITS)
    try:
        for at in range(0, len(packed), _PIECE_BYTES):
            piece = bytes(packed[at : at + _PIECE_BYTES])
            while piece:
                yield inflate.decompress(piece, CHUNK_BYTES)
                piece = inflate.unconsumed_tail
        yield inflate.flush()
    except isal_zlib.error:  # type: ignore[misc]
        raise damaged() from None
    if not inflate.eof or inflate.unused_data:
        raise damaged()


def damaged() -> FileRefused:
    """Refuse a workbook that cannot be unpacked, or not in one way only."""
    return refuse(
        "DAMAGED_WORKBOOK",
        "工作簿已损坏或不完整，请用表格程序打开、另存为 .xlsx 后重新发送"
        " / the workbook is damaged or incomplete; open it in a spreadsheet program, save it as .xlsx and send that",
    )


def not_a_workbook() -> FileRefused:
    """Refuse what is no .xlsx file, whatever it is called."""
    return refuse(
        "NOT_XLSX",
        "这不是 .xlsx 工作簿（改文件名不能转换格式），请用表格程序另存为 .xlsx"
        " / this is no .xlsx workbook, whatever it is called; save it as .xlsx in a spreadsheet program",
    )


def too_large() -> FileRefused:
    """Refuse what could not be held in memory."""
    return refuse(
        "WORKBOOK_TOO_LARGE",
        "工作簿展开后过大，请删除表外内容，或约定改用文本文件"
        " / unpacked the workbook is too large; take out what is not the table, or agree on a text file",
    )


def _old_workbook() -> FileRefused:
    text = "这是旧版 .xls 工作簿，请另存为 .xlsx 后发送 / this is an old .xls workbook; save it as .xlsx and send that"
    return refuse("OLD_WORKBOOK", text)


def _locked() -> FileRefused:
    text = "工作簿设有密码，请取消密码后重新发送 / the workbook has a password; take it away and send the file again"
    return refuse("PASSWORD", text)


def _refuse_embedded() -> NoReturn:
    raise refuse(
        "EMBEDDED_FILE",
        "工作簿内嵌有别的文件，请删除后重新发送"
        " / another file is embedded in the workbook; take it out and send it again",
    )
