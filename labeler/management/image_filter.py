"""The filter of images of a command: NAME=VALUE, as often as needed, in the words of REST."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.management.base import CommandError, CommandParser

from labeler.curation import filters
from labeler.management.base import USAGE


def add_to(parser: CommandParser) -> None:
    parser.add_argument(
        "--filter", metavar="NAME=VALUE", action="append", default=[],
        help="as in the list of images by REST: search=leaf, status=unlabeled, metadata.site=north; repeat it",
    )  # fmt: skip


def sent(words: Sequence[str]) -> dict[str, list[str]]:
    """What filters.read() takes. Raises CommandError (usage) for what is not NAME=VALUE, LabelerError for another name
    than a filter's: it would be all images.
    """
    found: dict[str, list[str]] = {}
    for name, value in pairs(words, "--filter"):
        found.setdefault(name, []).append(value)
    filters.check_names(found)
    return found


def pairs(words: Sequence[str], option: str) -> list[tuple[str, str]]:
    """Raises CommandError (usage)."""
    for one in words:
        if one.find("=") < 1:
            raise CommandError(f"{option} is NAME=VALUE, not {one!r}.", returncode=USAGE)
    return [(one.partition("=")[0], one.partition("=")[2]) for one in words]
