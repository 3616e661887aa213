"""Take one file into a project: recognise it, count it, and bring in images, labels, metadata and known answers.

The verb is import_file, for a worker and the command line. Killed at any point and run again, it ends in the same rows
and counts: images and labels that this very job brought in before count as brought in. Knows jobs' rows, not leases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from django.utils.translation import gettext as _

from labeler.errors import NotPossibleNow
from labeler.imports import from_bucket
from labeler.imports.batches import Taking
from labeler.imports.options import ImportOptions, options_of
from labeler.imports.survey import Found, survey
from labeler.intake import images, import_labels
from labeler.intake.archives import caps
from labeler.intake.bucket import BucketTree
from labeler.intake.check import Refused
from labeler.intake.formats import judgements, manifest_row
from labeler.intake.formats.item import Item, Options, Said
from labeler.intake.formats.recognise import PLAIN, READERS, recognise
from labeler.intake.outcomes import LabelImportResult, Refusal
from labeler.intake.refusal_report import RefusalReport
from labeler.intake.tree import Tree
from labeler.jobs import jobs
from labeler.label_set import categories as label_set
from labeler.models import Job, Project
from labeler.models.label import Answer

URLS, S3 = "urls", "s3"
FORMATS = ("auto", *READERS, jobs.JUDGEMENTS, URLS, S3)
Items = Callable[[Options], Iterator[Item | Refusal]]


class Progress(Protocol):
    """Called about once a second, between batches; what it raises ends the import with everything counted in place."""

    def __call__(self, stage: str, done: int, total: int, result: dict[str, Any]) -> None: ...


@dataclass(frozen=True, slots=True)
class Ended:
    """result: for the row of the job. seen: files or rows. asks: it has only looked, and waits for answers."""

    seen: int
    result: dict[str, Any]
    asks: bool = False


def import_file(job: Job, source: Path | None, *, progress: Progress) -> Ended:
    """Raises NotPossibleNow and Refused where nothing can be read, StorageFull, OSError, and what progress raises."""
    format_ = job.params.get("format", "auto")
    if format_ not in FORMATS:
        raise NotPossibleNow(_("Imports of the format %(name)s are not possible yet.") % {"name": repr(format_)})
    with RefusalReport(job.pk) as report:
        if format_ == URLS:
            addresses = partial(_of_addresses, job.params.get("urls", []))
            return _Import(job, URLS, addresses, report, progress).run()
        if format_ == S3:
            with BucketTree(job.params.get("url", ""), caps=caps()) as bucket:
                found = recognise(bucket, reading(job.project, job.params))
                read, url = READERS[found], job.params["url"]
                if job.params.get("by_reference") is True:
                    items: Items = partial(from_bucket.left, read, url, job.project, bucket)
                else:
                    items = partial(from_bucket.copied, read, url, bucket)
                return _Import(job, found, items, report, progress).run()
        assert source is not None
        if format_ in PLAIN and not _is_dry(job):
            return _images(job, source, report, progress)
        try:
            tree = Tree(source, name=job.params.get("name", ""), caps=caps())
        except Refused:
            if format_ not in ("auto", *PLAIN) or _is_dry(job):
                raise
            return _images(job, source, report, progress)  # what stands before the damage is taken in, as always
        with tree:
            return _of_tree(job, source, tree, report, progress)


def _is_dry(job: Job) -> bool:
    return job.params.get("dry_run") is True


def reading(project: Project, params: Mapping[str, Any]) -> Options:
    """What a reader must know of a project and of the answers about a file."""
    said = options_of(params, "")
    people = said.name if said.labels == "people" else ""
    expects = any(params.get(name) for name in ("dry_run", "labels_as", "new_categories"))
    index = label_set.index(project)
    background = index.names[index.background] if index.background is not None else ""
    return Options(
        project.is_multi, people, expects_labels=expects, known=frozenset(index.by_name), task=project.task,
        origin=params.get("origin", 1), background=background,
        classes=tuple(index.names[pk] for pk in index.names if pk in index.ids_in_use),
    )  # fmt: skip


def _of_tree(job: Job, source: Path, tree: Tree, report: RefusalReport, progress: Progress) -> Ended:
    params = job.params
    format_ = params.get("format", "auto")
    if format_ == "auto":
        format_ = recognise(tree, reading(job.project, job.params))
    has_answers = any(params.get(name) for name in ("dry_run", "ask", "labels_as", "new_categories"))
    if format_ in PLAIN and not _is_dry(job):
        return _images(job, source, report, progress)
    if format_ == jobs.JUDGEMENTS and not has_answers:
        return _judgements(job, source, report, progress)
    if tree.kind == "file" and format_ in ("imagefolder", "yolo", *PLAIN):
        raise Refused(_("This is neither a zip nor a tar archive, or it is damaged."))
    read = _of_judgements if format_ == jobs.JUDGEMENTS else READERS[format_]
    return _Import(job, format_, partial(read, tree), report, progress).run()


# ---------------------------------------------------------------- kinds that have their own way


def _images(job: Job, source: Path, report: RefusalReport, progress: Progress) -> Ended:
    """Images alone: the shortest way."""

    def tell(result: Any, total: int) -> None:
        progress("reading images", result.seen, max(total, result.seen), result.as_json())

    result = images.import_path(source, project=job.project, job=job, progress=tell, sink=report)
    return Ended(result.seen, result.as_json())


def _judgements(job: Job, source: Path, report: RefusalReport, progress: Progress) -> Ended:
    def tell(outcome: LabelImportResult, total: int) -> None:
        progress("taking judgements in", outcome.seen, total, {})

    rows = judgements.read(source, multi=job.project.is_multi)
    outcome = import_labels.import_judgements(job=job, rows=rows, progress=tell, sink=report)
    return Ended(outcome.seen, outcome.as_json())


def _of_judgements(tree: Tree, options: Options) -> Iterator[Item | Refusal]:
    """labels-csv as items. Several rows of one person on one image that follow each other are one answer."""
    waiting: judgements.Judgement | None = None
    for row in judgements.read(tree.path, multi=options.multi):
        if isinstance(row, Refusal):
            yield row
            continue
        is_same = waiting is not None and (waiting.file_name, waiting.annotator) == (row.file_name, row.annotator)
        if is_same and options.multi and waiting and waiting.answer == row.answer == Answer.LABELED:
            waiting.classes.extend(row.classes)
            continue
        if waiting is not None:
            yield _item_of(waiting)
        waiting = row
    if waiting is not None:
        yield _item_of(waiting)


def _item_of(row: judgements.Judgement) -> Item:
    said = Said(row.annotator, tuple(row.classes), row.answer, row.created_at, row.seconds)
    return Item(row.file_name, row=row.row, judgements=(said,))


def _of_addresses(urls: list[str], _options: Options) -> Iterator[Item | Refusal]:
    for number, url in enumerate(urls, start=1):
        yield manifest_row.of_address(url, number)


# ---------------------------------------------------------------- any format


class _Import:
    """One file of a format that says more than images."""

    def __init__(self, job: Job, format_: str, read: Items, report: RefusalReport, progress: Progress) -> None:
        self.job, self.format, self.report, self.progress = job, format_, report, progress
        self.options: ImportOptions = options_of(job.params, format_)
        if format_ == jobs.JUDGEMENTS and not self.options.is_said:
            self.options = options_of({**job.params, "labels_as": {"people": ""}}, format_)
        self.items = partial(read, reading(job.project, job.params))

    def run(self) -> Ended:
        stage = "looking through the file"
        self.progress(stage, 0, 0, self.job.result)
        counted = survey(self.items(), self.format, lambda n: self.progress(stage, 0, n, self.job.result))
        found = self.job.result.get("found") or counted.as_json(self.job.project)
        if self.job.params.get("ask") and self.format not in PLAIN:
            nothing = {"added": 0, "duplicates": 0, "labels_added": 0, "predictions_added": 0, "refused": []}
            return Ended(counted.rows, {**nothing, "found": found, "format": self.format}, asks=True)
        said = {"found": found, "format": self.format}
        self.progress("taking it in", 0, counted.rows, said)
        self._check(counted)
        taking = Taking(self.job, self.options, counted, self.report, dry_run=_is_dry(self.job))

        def tell(done: int) -> None:
            self.progress("taking it in", done, counted.rows, {**taking.result.as_json(), **said})

        taking.take_in(self.items, tell)
        return Ended(taking.rows + counted.refused, {**taking.result.as_json(), **said}, asks=_is_dry(self.job))

    def _check(self, found: Found) -> None:
        """Answers that do not fit what is there. Raises NotPossibleNow."""
        if self.options.labels == "people" and found.judgements and not found.people:
            raise NotPossibleNow(
                _("No row names who judged: say that the labels are those of one source, or name the column of people.")
            )
