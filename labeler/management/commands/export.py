"""`export`: a project's labels, consensus and predictions as a file."""

from __future__ import annotations

import sys
from argparse import BooleanOptionalAction
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import CommandError, CommandParser

from labeler import releases
from labeler.acceptance import summary as acceptance_summary
from labeler.accounts.audit import audit
from labeler.curation import filters
from labeler.curation.filters import ImageFilter
from labeler.management import image_filter
from labeler.management.base import USAGE, DataCommand, writing
from labeler.models import Image, Project, Release
from labeler.releases import preparation, summary
from labeler.releases import releases as frozen_releases
from labeler.releases.data_set import ALL, CONSENSUS, SOFT, Wanted
from labeler.releases.formats import WRITERS


class Command(DataCommand):
    help = "Write a project as a file: a table, pictures in folders, or what another tool reads."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True, metavar="NAME", help="a project's name or number")
        parser.add_argument("--format", choices=list(WRITERS), default="csv", help="default: csv")
        parser.add_argument(
            "--accepted",
            action="store_true",
            help="with the images that stand by the model's word alone, marked as such",
        )
        parser.add_argument(
            "--labels",
            choices=(CONSENSUS, ALL, SOFT),
            help="one answer per image, every judgement, or shares of the votes (default: as the format has it)",
        )
        parser.add_argument(
            "--images",
            action=BooleanOptionalAction,
            help="with or without the image files, where a format can be both",
        )
        parser.add_argument("--release", type=int, metavar="N", help="a frozen release of it (default: as of now)")
        image_filter.add_to(parser)
        parser.add_argument(
            "--prepare", metavar="NAME=VALUE", action="append", default=[],
            help="of the pictures, as in an export by REST: width=320, way=fill, file_format=jpg; repeat it",
        )  # fmt: skip
        parser.add_argument("--output", metavar="FILE", help="where to; - is stdout (default: a name of its own, here)")

    def handle(self, *args: Any, **options: Any) -> None:
        project = self.project(options["project"])
        if options["output"] == "-" and options["json"]:
            raise CommandError("Not both on stdout: give --output a file, or leave out --json.", returncode=USAGE)
        only = self._only(project, options)
        export = self._export(project, options, only)
        asked = {name: options[name] for name in ("labels", "images", "release") if options[name] is not None}
        asked |= {name: options[name] for name in ("filter", "prepare") if options[name]}
        details = {"format": options["format"]} | ({"accepted": True} if options["accepted"] else {}) | asked
        audit(None, "project.export", project=project, subject=export.file_name, **details)
        if options["output"] == "-":
            self._write(export, sys.stdout.buffer)
            return
        target = Path(options["output"] or export.file_name)
        with writing(target) as file:
            size = self._write(export, file)
        images = (only.images(project) if only else Image.objects.for_project(project)).count()
        facts = {"file": str(target), "bytes": size, "format": options["format"], "images": images}
        words = f"Wrote {target} ({size:,} bytes)."
        if options["release"]:
            facts |= {"release": options["release"]}
        elif options["accepted"]:
            aim, alone = acceptance_summary.figures(project)["promise"], summary.summary_of(project).without
            n, filled = alone.get(summary.ACCEPTED, 0), alone.get(summary.FILLED, 0)
            facts |= {"accepted": n, "promise": aim, "filled": filled}
            words += f" {n + filled:,} of {images:,} images stand by a model's word alone"
            words += f", {filled:,} of them without a promise" if filled else ""
            if n:
                words += f": at least {aim['precision']:.0%} of {n:,} right, with {aim['confidence']:.0%} confidence"
            words += "."
        self.result(facts, words)

    def _only(self, project: Project, options: dict[str, Any]) -> ImageFilter | None:
        """The images that were asked for; None: all. Raises LabelerError, CommandError."""
        sent = image_filter.sent(options["filter"] or ())
        if sent and options["release"] is not None:
            raise CommandError(
                "A release has its images: --filter is for the project as of now, and for making a release.",
                returncode=USAGE,
            )
        return filters.read(project, sent, is_checked=True) if sent else None

    def _export(self, project: Project, options: dict[str, Any], only: ImageFilter | None) -> releases.Export:
        """As of now, or of a release. Raises LabelerError, and CommandError where there is no such release."""
        how = _preparation(options["prepare"] or ())
        if options["release"] is None:
            return releases.export(
                project, options["format"], accepted=options["accepted"], labels=options["labels"] or "",
                images=options["images"], preparation=how, only=only,
            )  # fmt: skip
        release = Release.objects.kept().filter(project=project, number=options["release"]).first()
        if release is None:
            raise CommandError(f"This project has no release {options['release']}.", returncode=USAGE)
        wanted = Wanted(options["labels"] or release.labels, options["accepted"], options["images"], release.location)
        return releases.as_file(frozen_releases.data_set(release, replace(wanted, preparation=how)), options["format"])

    def _write(self, export: releases.Export, file: BinaryIO) -> int:
        size = sum(file.write(chunk) for chunk in export.chunks)
        file.flush()
        return size


def _preparation(words: Sequence[str]) -> preparation.Preparation:
    """Raises CommandError (usage), Invalid."""
    found = dict(image_filter.pairs(words, "--prepare"))
    if unknown := sorted(set(found) - set(preparation.NAMES)):
        known = ", ".join(preparation.NAMES)
        raise CommandError(f"--prepare has no {', '.join(unknown)}. There are {known}.", returncode=USAGE)
    return preparation.parse_texts(found)
