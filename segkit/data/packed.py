"""Packed files: the one CSV file inside a `.gz` or a `.zip`, read as if it lay beside it.

What a file is follows from what stands in it: a workbook is a zip file, too, and a file that a
program has unpacked may still be called `.gz`.
"""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Literal, cast

from segkit.errors import DataError

CSV_SUFFIXES = (".csv", ".txt", ".tsv")
PACKED_SUFFIXES = (".gz", ".zip")

_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OF_A_WORKBOOK = ("[Content_Types].xml", "META-INF/manifest.xml")
_DAMAGED = (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError)


def is_packed_csv(name: str) -> bool:
    """Return whether a file's name says that a CSV file is packed in it.

    Examples
    --------
    >>> [is_packed_csv(name) for name in ("o.csv.gz", "o.gz", "o.zip", "o.tar.gz", "o.csv")]
    [True, True, True, False, False]
    """
    path = PurePosixPath(name.lower())
    inner = PurePosixPath(path.stem).suffix
    return path.suffix == ".zip" or (path.suffix == ".gz" and inner in ("", *CSV_SUFFIXES))


def unpacked_name(name: str) -> str:
    """Return what a file and its packed copies have in common in their names.

    Examples
    --------
    >>> {unpacked_name(name) for name in ("o.csv", "o.csv.gz", "o.zip", "O.CSV.ZIP")}
    {'o'}
    """
    path = PurePosixPath(name.lower())
    path = PurePosixPath(path.stem) if path.suffix in PACKED_SUFFIXES else path
    return path.stem if path.suffix in CSV_SUFFIXES else path.name


def packing(file: Path) -> Literal["gzip", "zip"] | None:
    """Return how a file is packed, None where it is not, as a workbook is not."""
    suffix = file.suffix.lower()
    with file.open("rb") as stream:
        start = stream.read(4)
    if start.startswith(_GZIP) and (suffix == ".gz" or _unpacks(file)):
        return "gzip"
    if start in _ZIP and (suffix == ".zip" or zipfile.is_zipfile(file)):
        return None if _is_workbook(file) else "zip"
    return None


def _unpacks(file: Path) -> bool:
    try:
        with gzip.open(file) as stream:
            return bool(stream.read(1))
    except _DAMAGED:
        return False


def _is_workbook(file: Path) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            return not {*_OF_A_WORKBOOK}.isdisjoint(archive.namelist())
    except _DAMAGED:
        return False


@contextmanager
def opened(file: Path) -> Iterator[IO[bytes]]:
    """Open a file as bytes, unpacked where it is packed.

    Raises
    ------
    DataError
        It cannot be unpacked, or holds another number of CSV files than one.
    """
    kind = packing(file)
    if kind is None:
        with file.open("rb") as stream:
            yield stream
        return
    try:
        with _unpacked(file, kind) as stream:
            yield stream
    except _DAMAGED as error:
        raise DataError(
            f"cannot be unpacked ({_reason(error)})",
            where=str(file),
            fix="pack it again, or give the file that is in it",
        ) from None


@contextmanager
def _unpacked(file: Path, kind: Literal["gzip", "zip"]) -> Iterator[IO[bytes]]:
    if kind == "gzip":
        with gzip.open(file) as stream:
            yield cast(IO[bytes], stream)
        return
    with zipfile.ZipFile(file) as archive, archive.open(_only_member(archive, file)) as stream:
        yield stream


def _only_member(archive: zipfile.ZipFile, file: Path) -> zipfile.ZipInfo:
    """Return the one CSV file of an archive; what programs pack beside it does not count."""
    members = [member for member in archive.infolist() if not _is_aside(member)]
    found = [member for member in members if _suffix(member) in CSV_SUFFIXES]
    if len(found) != 1:
        problem = "holds several CSV files" if found else "holds no CSV file"
        fix = "leave one in it, or unpack it and give the folder" if found else "unpack it"
        names = [member.filename for member in found or members]
        raise DataError(problem, where=str(file), values=names, fix=fix)
    if found[0].flag_bits & 1:
        raise DataError(
            "needs a password", where=str(file), values=[found[0].filename], fix="unpack it"
        )
    return found[0]


def _is_aside(member: zipfile.ZipInfo) -> bool:
    parts = [part for part in PurePosixPath(member.filename).parts if part != ".."]
    return member.is_dir() or any(part.startswith((".", "~$", "__MACOSX")) for part in parts)


def _suffix(member: zipfile.ZipInfo) -> str:
    return PurePosixPath(member.filename).suffix.lower()


def _reason(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
