"""`import_images FOLDER|ZIP|s3://BUCKET/FOLDER/ --project NAME`: images into a project. Repeat it to go on."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from labeler.errors import LabelerError
from labeler.imports import options as option_checks
from labeler.imports.run import FORMATS, S3, reading
from labeler.intake import bucket, refusal_report
from labeler.intake import import_metadata as metadata_import
from labeler.intake.archives import caps
from labeler.intake.check import Refused
from labeler.intake.formats import metadata
from labeler.intake.formats.recognise import PLAIN, recognise
from labeler.intake.images import import_path
from labeler.intake.outcomes import ImportResult
from labeler.intake.tree import Tree
from labeler.management import import_here
from labeler.management.base import DONE, MOST_REFUSALS, REFUSALS, USAGE, DataCommand
from labeler.management.commands import import_metadata
from labeler.models import Job, Project


class Command(DataCommand):
    help = (
        "Take the images of a folder, a zip, a tar or a bucket into a project, or a file of another tool with its "
        "labels. What is there already is passed over, so the same command continues after an interruption. Exit code "
        "3: done, but some files were refused."
    )
    expected = import_here.EXPECTED
    goes_on = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", metavar="FOLDER|ZIP|s3://…")
        parser.add_argument("--project", metavar="NAME", required=True, help="name or number of the project")
        parser.add_argument("--dry-run", action="store_true", help="check every file and write nothing")
        parser.add_argument(
            "--format", choices=[name for name in FORMATS if name not in ("images", "urls", "s3")], default="auto",
            help="auto recognises it by what is there; folders are classes only where --format or the next two say so",
        )  # fmt: skip
        parser.add_argument(
            "--labels-as", metavar="WHAT",
            help='prelabels, gold, nothing, or as JSON {"people": "COLUMN"} or {"source": "NAME"}',
        )  # fmt: skip
        parser.add_argument("--new-categories", metavar="WHAT", help='make, refuse, or as JSON {"old": "new"}')
        parser.add_argument(
            "--origin", choices=("0", "1"), help="of voc: the number of the first pixel; 1 (the standard) if left out"
        )
        parser.add_argument(
            "--blind", action="store_true", help="the labels were given without seeing others' or a model's"
        )
        parser.add_argument(
            "--by-reference", action="store_true",
            help="of a bucket: originals stay there, and only previews and thumbnails are kept here",
        )  # fmt: skip
        parser.add_argument(
            "--metadata", metavar="FILE", type=Path, help="what is known of the images: as import_metadata takes it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project, dry_run = self.project(options["project"]), options["dry_run"]
        if options["source"].startswith(bucket.SCHEME):
            self._import_bucket(options["source"], project, options)
            return
        if options["by_reference"]:
            raise CommandError("Only objects of a bucket (s3://…) can stay where they are.", returncode=USAGE)
        source = Path(options["source"])
        if not source.exists():
            raise CommandError(f"There is no {source}.", returncode=USAGE)
        table: Path | None = options["metadata"]
        if table is not None:
            self._check(table)

        try:
            answers = option_checks.check(options["labels_as"], options["new_categories"], options["origin"])
            is_plain = not answers and self._is_of_images(source, project, options["format"])
        except (LabelerError, Refused) as error:
            raise CommandError(str(error), returncode=USAGE) from error
        if not is_plain:
            params = {"path": str(source.absolute()), "name": source.name, "format": options["format"]}
            self._import_more(source, project, params, {**options, "answers": answers})
            return

        def progress(result: ImportResult, total: int) -> None:
            self.progress(result.seen, total or result.seen + 1, "files")

        result = import_path(source, project=project, progress=progress, dry_run=dry_run)
        described = self._describe(table, project) if table is not None and not dry_run else None
        self._report(result, described, project, dry_run)
        is_whole = not (result.n_refused or result.stopped or (described and described.n_refused))
        self.finish(DONE if is_whole else REFUSALS)

    def _is_of_images(self, source: Path, project: Project, format_: str) -> bool:
        """Nothing but images, for which there is a shorter way without a row."""
        if format_ != "auto":
            return format_ in PLAIN
        try:
            with Tree(source, caps=caps()) as tree:
                return recognise(tree, reading(project, {})) in PLAIN
        except Refused:
            return True  # what stands before the damage is taken in

    def _import_bucket(self, url: str, project: Project, options: dict[str, Any]) -> None:
        if options["format"] != "auto" or options["metadata"] is not None:
            wrong = "What lies in a bucket is recognised by itself: leave --format and --metadata away."
            raise CommandError(wrong, returncode=USAGE)
        try:
            bucket.check_address(url)
            answers = option_checks.check(options["labels_as"], options["new_categories"], options["origin"])
        except LabelerError as error:
            raise CommandError(str(error), returncode=USAGE) from error
        stays = {"by_reference": True} if options["by_reference"] else {}
        params = {"url": url, "name": url, "format": S3, **stays}
        self._import_more(None, project, params, {**options, "answers": answers})

    def _import_more(
        self, source: Path | None, project: Project, params: dict[str, Any], options: dict[str, Any]
    ) -> None:
        """By a row like that of the page, which lists it and can stop it."""
        params = {**params, "blind": options["blind"], "dry_run": options["dry_run"], **options["answers"]}
        job = import_here.run(self, project, params, partial(import_here.read_file, source))
        self._report_more(job, options["dry_run"])

    def _report_more(self, job: Job, dry_run: bool) -> None:
        result = job.result
        refused = result["refused"]
        for one in refused[:MOST_REFUSALS]:
            place = "".join(f" {name} {one[name]}" for name in ("row", "object") if one.get(name))
            self.say(f"refused{place} {one['name']}: {one['reason']}")
        if len(refused) > MOST_REFUSALS:
            self.say(f"… and more; all of them: {refusal_report.path_of(job.pk)}")
        found = result.get("found") or {}
        if found:
            classes = ", ".join(f"{c['name']} {c['count']:,}{'' if c['known'] else ' (new)'}" for c in found["classes"])
            objects = f" with {found['objects']:,} objects" if found["objects"] else ""
            counted = f"{found['images']:,} images, {found['labels']:,} labels{objects}"
            self.say(f"found {found['format']}: {counted}: {classes}")
        text = (
            f"{'Would add' if dry_run else 'Added'} {result['added']:,} images and {result['labels_added']:,} labels "
            + (f"({result['objects_added']:,} objects) " if result.get("objects_added") else "")
            + f"to “{job.project.name}”; {result['duplicates']:,} were there already, {len(refused):,} refusals."
        )
        facts = {"project": job.project_id, "import": job.pk, "dry_run": dry_run, **result}
        self.result(facts, "" if self._quiet else text)
        self.finish(REFUSALS if refused else DONE)

    def _check(self, table: Path) -> None:
        """Before many images are read: is the table one at all?"""
        if not table.is_file():
            raise CommandError(f"There is no file {table}.", returncode=USAGE)
        try:
            with table.open("rb") as file:
                for _row in metadata.Table(file):
                    pass
        except (LabelerError, OSError) as error:
            raise CommandError(f"{table}: {error}") from error

    def _describe(self, table: Path, project: Project) -> metadata_import.MetadataResult:
        try:
            with table.open("rb") as file:
                return metadata_import.describe(project=project, by=None, rows=metadata.Table(file))
        except (LabelerError, OSError) as error:
            raise CommandError(f"The images are in, but {table} could not be read: {error}") from error

    def _report(
        self, result: ImportResult, described: metadata_import.MetadataResult | None, project: Project, dry_run: bool
    ) -> None:
        lines = (f"refused {file.name}: {file.reason}" for file in result.refused)
        self.say_refusals(lines, result.n_refused, "files")
        if result.stopped:
            self.say(f"stopped: {result.stopped}")
        text = (
            f"{'Would add' if dry_run else 'Added'} {result.added:,} images to “{project.name}”; "
            f"{result.duplicates:,} were there already, {result.n_refused:,} refused."
        )
        facts = {"project": project.pk, "dry_run": dry_run, **result.as_json()}
        if described is not None:
            self.say_refusals(import_metadata.refusals(described), described.n_refused)
            text += f" {import_metadata.summary(described)}."
            facts["metadata"] = described.as_json()
        self.result(facts, "" if self._quiet else text)
