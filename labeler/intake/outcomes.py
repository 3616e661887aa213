"""What became of each file or row of an import: added, known already, refused; and all of them together.

Knows no format and writes nothing. Who takes files in, judgements or metadata adds what it counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

from django.utils.translation import gettext_lazy

if TYPE_CHECKING:
    from labeler.intake.formats.item import Item
    from labeler.models import Image

IN_TRASH = gettext_lazy("This image is in the trash. Restore it there, or wait until it is deleted for good.")
MOST_REFUSALS_NAMED = 10_000  # of a job with more, the rest is only counted: they stand in one row


@dataclass(frozen=True, slots=True)
class Added:
    """The image is in the project; `image` has its id."""

    name: str
    image: Image


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The same bytes are in the project already, as the image with this id."""

    name: str
    image_id: int
    deleted: bool = False  # that image is in the trash, and stays there


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file, or a row of a table, that was not taken in. name: of the file, or of the image; reason: a sentence."""

    name: str
    reason: str
    row: int | None = None  # of a table, as a spreadsheet counts: the header is 1
    object: int | None = None  # of the image's objects in the file, from 1; the image and the others came in

    def as_json(self) -> dict[str, Any]:
        places = {"row": self.row, "object": self.object}
        return {"name": self.name, **{k: v for k, v in places.items() if v is not None}, "reason": self.reason}


Outcome = Added | Duplicate | Refusal


@dataclass(slots=True)
class Counted:
    """What became of all of them. What was taken in is counted by the fields that a subclass adds."""

    REST: ClassVar[str] = "more rows"  # what the refusals beyond MOST_REFUSALS_NAMED are called

    n_refused: int = 0
    refused: list[Refusal] = field(default_factory=list)  # the first MOST_REFUSALS_NAMED
    stopped: str = ""  # why the whole was given up, when it was; what came before is in
    sink: Callable[[Refusal], None] | None = field(default=None, repr=False, compare=False)  # told of every refusal

    def refuse(self, refusal: Refusal) -> None:
        self.n_refused += 1
        if self.sink is not None:
            self.sink(refusal)
        if len(self.refused) < MOST_REFUSALS_NAMED:
            self.refused.append(refusal)

    @property
    def seen(self) -> int:
        return sum(self._taken().values()) + self.n_refused

    def as_json(self) -> dict[str, Any]:
        """For Job.result, the REST answer, the page and --json."""
        refused = [refusal.as_json() for refusal in self.refused]
        if more := self.n_refused - len(refused):
            refused.append({"name": "", "reason": f"… and {more:,} {self.REST}."})
        if self.stopped:
            refused.append({"name": "", "reason": self.stopped})
        return {**self._taken(), "refused": refused}

    def _taken(self) -> dict[str, int]:
        own = [one.name for one in fields(self)[len(fields(Counted)) :]]
        return {name: getattr(self, name) for name in own}


@dataclass(slots=True)
class ImportResult(Counted):
    """Of many files."""

    REST: ClassVar[str] = "more files"

    added: int = 0
    duplicates: int = 0

    def count(self, outcome: Outcome) -> None:
        if isinstance(outcome, Added):
            self.added += 1
        elif isinstance(outcome, Duplicate) and outcome.deleted:
            self.refuse(Refusal(outcome.name, str(IN_TRASH)))
        elif isinstance(outcome, Duplicate):
            self.duplicates += 1
        else:
            self.refuse(outcome)


@dataclass(slots=True)
class LabelImportResult(Counted):
    """Of judgements. The fields are those of the REST answer, which all kinds of import share."""

    added: int = 0  # images; of judgements alone none
    duplicates: int = 0  # of judgements: the same person's same answer is there already
    labels_added: int = 0
    predictions_added: int = 0


@dataclass(slots=True)
class ItemsResult(LabelImportResult):
    """Of a file that says more of images than that they are there."""

    gold_added: int = 0
    objects_added: int = 0
    objects_mended: int = 0  # of these: their outline crossed itself
    objects_clipped: int = 0  # of these: they reached over the border

    def refuse_item(self, item: Item, reason: object, number: int | None = None) -> None:
        """A row of the file, or one of its objects. reason: a sentence, perhaps not translated yet."""
        self.refuse(Refusal(item.name, str(reason), item.row, number))
