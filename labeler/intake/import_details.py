"""What an import says of images besides answers: split, external id, metadata. The first two are
written here alone.

Locks the images of a batch by rising id. Knows rows, not files. An external id that another image of the project has,
or one in its trash, is left out, as each names one image.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, transaction
from django.db.models import Q

from labeler.intake import import_metadata
from labeler.intake.formats.item import Item
from labeler.intake.formats.metadata import Described
from labeler.intake.import_metadata import MetadataResult
from labeler.intake.outcomes import Refusal
from labeler.models import Image, Project

_WRITE = """
    UPDATE labeler_image AS i SET split = CASE WHEN new.split = '' THEN i.split ELSE new.split END,
        external_id = CASE WHEN i.external_id = '' THEN new.external_id ELSE i.external_id END
    FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS new(id, split, external_id)
    WHERE i.id = new.id AND i.project_id = %s AND (
        (new.split <> '' AND i.split <> new.split) OR (new.external_id <> '' AND i.external_id = ''))
"""


def known(project: Project, items: Sequence[Item]) -> dict[tuple[str, str], Image]:
    """Images of the project that these items name by external id or hash: ("external_id" or "sha256", value)."""
    fields = ("pk", "name", "job_id", "external_id", "sha256")
    images = Image.objects.filter(project=project).only(*fields)
    external = {item.external_id for item in items if item.external_id}
    hashes = {item.sha256 for item in items if item.sha256}
    found = {("external_id", i.external_id): i for i in images.filter(external_id__in=external)} if external else {}
    if hashes:
        found |= {("sha256", image.sha256): image for image in images.filter(sha256__in=hashes)}
    return found


def store(project: Project, described: Sequence[tuple[Item, int]]) -> list[Refusal]:
    """Take in what the items say of these images (ids), in one transaction; what was refused. A later row of one image
    wins.
    """
    fields: dict[int, Described] = {}
    marked: dict[int, tuple[str, str]] = {}
    for item, pk in described:
        if item.metadata:
            before = fields[pk].fields if pk in fields else {}
            fields[pk] = Described(item.row or 0, item.name, "id", {**before, **item.metadata})
        if item.split or item.external_id:
            split, external_id = marked.get(pk, ("", ""))
            marked[pk] = (item.split or split, external_id or item.external_id)
    outcome = MetadataResult()
    with transaction.atomic():
        if fields:
            import_metadata.store(project, fields, outcome)
        if marked:
            _mark(project, marked)
    return [refusal if refusal.row else Refusal(refusal.name, refusal.reason) for refusal in outcome.refused]


def _mark(project: Project, marked: dict[int, tuple[str, str]]) -> None:
    if any(external_id for _split, external_id in marked.values()):
        # Of two imports with one external id, one must see what the other has written.
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    ids = sorted(marked)
    list(Image.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk").values_list("pk"))
    wanted = [marked[pk][1] for pk in ids]
    there = Image.objects.filter(
        Q(project=project) | Q(trashed_from=project), external_id__in=[name for name in wanted if name]
    )
    external, given = [], set(there.values_list("external_id", flat=True))
    for name in wanted:
        external.append("" if name in given else name)
        given.add(name)
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [ids, [marked[pk][0] for pk in ids], external, project.pk])
