"""`delete_images --project NAME (--all | --search TEXT | ID …)`: move images to the trash for 30 days."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.management.base import CommandError, CommandParser

from labeler.management import image_filter
from labeler.management.base import DONE, REFUSALS, USAGE, DataCommand


class Command(DataCommand):
    help = (
        "Move images to the trash: out of sight and of all figures at once, deleted for good after 30 days. "
        "restore_images brings them back. Exit code 3: done, but some of the images were not there."
    )
    goes_on = True
    restores: ClassVar[bool] = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("images", metavar="ID", type=int, nargs="*", help="ids of images")
        parser.add_argument("--project", metavar="NAME", required=True, help="name or number of the project")
        parser.add_argument("--all", action="store_true", help="all images of the project (restore: of its trash)")
        image_filter.add_to(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        from labeler.curation import deletion, filters, work

        project = self.project(options["project"])
        if bool(options["images"]) + bool(options["all"]) + bool(options["filter"]) != 1:
            raise CommandError("Name the images in one way: ids, --filter, or --all.", returncode=USAGE)
        ids = options["images"]
        verb = deletion.restore if self.restores else deletion.delete
        if not ids:
            sent = image_filter.sent(options["filter"])
            if self.restores:
                sent["status"] = [*sent.get("status", []), filters.DELETED]
            found = filters.read(project, sent, is_checked=True).images(project)
            ids = list(found.order_by("id").values_list("pk", flat=True))
        done = 0
        for start in range(0, len(ids), work.STEP):
            done += len(verb(project=project, by=None, image_ids=ids[start : start + work.STEP]))
            self.progress(min(start + work.STEP, len(ids)), len(ids), "images")
        words = "are back" if self.restores else "are in the trash for 30 days"
        said = f"“{project.name}”: {done:,} images {words}."
        self.result({"project": project.pk, "changed": done, "kept": len(ids) - done}, "" if self._quiet else said)
        self.finish(REFUSALS if done < len(set(ids)) else DONE)
