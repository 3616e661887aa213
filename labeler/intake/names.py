"""Names of files as labels for people, and which files are no images. Knows names, neither archives nor disks."""

import re
import unicodedata
from pathlib import PurePosixPath

MAX_NAME = 500  # as wide as the column

# Files that stand beside images in data sets and on disks: no images, and no news to anybody.
_BESIDE = {".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".md", ".ini", ".log", ".npy",
           ".npz", ".parquet", ".py", ".db"}  # fmt: skip
_JUNK_NAMES = {"thumbs.db", "desktop.ini", "license", "licence", "readme", "notice", "copying", "changelog"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def clean_name(name: str) -> str:
    """A member's name as a label: forward slashes, no way up, no drive, nothing invisible, at most MAX_NAME
    characters.

    The end is kept when it is too long, as that is where the file name stands. Never empty.
    """
    # Bytes that are no UTF-8 arrive as lone surrogates, which the database would not take.
    name = name.encode("utf-8", "replace").decode("utf-8")
    name = _CONTROL.sub("", unicodedata.normalize("NFC", name)).replace("\\", "/")
    name = re.sub(r"^[A-Za-z]:", "", name)
    parts = [part.strip() for part in name.split("/")]
    name = "/".join(part for part in parts if part not in ("", ".", ".."))
    return name[-MAX_NAME:] or "unnamed"


def is_junk(name: str) -> bool:
    """A file that stands beside images, or that a system put there."""
    if is_hidden(name):
        return True
    last = PurePosixPath(name.replace("\\", "/")).name.lower()
    return last in _JUNK_NAMES or PurePosixPath(last).suffix in _BESIDE


def is_hidden(name: str) -> bool:
    """What systems put into folders and archives, and what people hide."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return any(part == "__MACOSX" or (part.startswith(".") and part not in (".", "..")) for part in parts)
