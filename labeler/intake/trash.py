"""Images into the trash, back out of it, and for good: rows and files.

An image in the trash belongs to another project, which nobody is a member of; the database moves the rows about it
along (docs/decisions/0017). Knows rows and files. Who may delete, and how long the trash keeps, is labeler/curation/
deletion.py's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from labeler.intake import bucket_objects
from labeler.intake.images import CONTENT_LOCK, media_store
from labeler.intake.store import FULL_SIZE_EXTENSIONS
from labeler.labeling import trash_rows
from labeler.models import Image, Project


def move(*, project: Project, trash: Project, image_ids: Sequence[int]) -> list[int]:
    """Take these images of a project out of sight, in one transaction; those that were there, by id.

    Open claims are given back, everything else goes along as it is. Raises trash_rows.InUse.
    """
    with transaction.atomic():
        trash_rows.hold(image_ids)
        moved = sorted(Image.objects.filter(project=project, pk__in=image_ids).values_list("pk", flat=True))
        Image.objects.filter(pk__in=moved).update(project=trash, trashed_from=project, trashed_at=Now())
    return moved


def bring_back(*, project: Project, image_ids: Sequence[int]) -> list[int]:
    """Take these images out of the trash, in one transaction; those that were in it, by id. Raises trash_rows.InUse.

    Claims are locked before images here too: an answer that came when the image was deleted holds one, and waits for
    the image to find out.
    """
    with transaction.atomic():
        trash_rows.hold(image_ids)
        rows = Image.objects.select_for_update().filter(trashed_from=project, pk__in=image_ids).order_by("pk")
        back = list(rows.values_list("pk", flat=True))
        Image.objects.filter(pk__in=back).update(project=F("trashed_from"), trashed_from=None, trashed_at=None)
    return back


def purge_rows(image_ids: Sequence[int]) -> tuple[int, dict[str, str]]:
    """Delete rows of images in the trash, or of a project in the trash; how many, and the contents nobody has now.

    contents: extension of the original by SHA-256; what another image has, of whatever project, is not among them.
    Call in a transaction at whose end delete_files() is called: killed before its end, the rows are there again, and
    the next call deletes them with or without files.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CONTENT_LOCK])
    rows = Image.objects.select_for_update(skip_locked=True, of=("self",)).filter(
        pk__in=image_ids, project__trashed_at__isnull=False
    )
    found = list(rows.values_list("pk", "sha256", "extension"))
    ids = [pk for pk, _sha256, _extension in found]
    trash_rows.purge(ids)
    Image.objects.filter(pk__in=ids).delete()
    kept = set(Image.objects.filter(sha256__in=[sha256 for _, sha256, _ in found]).values_list("sha256", flat=True))
    contents = {sha256: extension for _pk, sha256, extension in found if sha256 not in kept}
    bucket_objects.forget(contents)
    return len(ids), contents


def delete_files(contents: Mapping[str, str]) -> None:
    """Delete all files of these contents, as purge_rows() gives them. Those that are gone already are nothing."""
    store = media_store()
    for sha256, extension in contents.items():
        store.original_path(sha256, extension).unlink(missing_ok=True)
        store.preview_path(sha256).unlink(missing_ok=True)
        store.thumb_path(sha256).unlink(missing_ok=True)
        store.tiles_path(sha256).unlink(missing_ok=True)
        for full in FULL_SIZE_EXTENSIONS:
            store.full_path(sha256, full).unlink(missing_ok=True)


def overdue(before: datetime, limit: int) -> list[int]:
    """Images that went to the trash before this moment, the oldest first."""
    rows = Image.objects.filter(trashed_at__lt=before).order_by("trashed_at")
    return list(rows.values_list("pk", flat=True)[:limit])


def of_project(project: Project, limit: int) -> list[int]:
    """Some images of a project, those in its trash included."""
    rows = Image.objects.filter(project=project).values_list("pk", flat=True)[:limit]
    return list(rows) or list(Image.objects.filter(trashed_from=project).values_list("pk", flat=True)[:limit])
