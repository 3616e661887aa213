"""What a reader finds in a bucket, as items that are known again by their address, and whose originals may stay there.

Knows addresses and what came in from them before, not what becomes of an item.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import islice

from django.db.models import Q
from django.utils.translation import gettext as _

from labeler.intake import bucket_objects
from labeler.intake.bucket import BucketTree
from labeler.intake.formats.item import LONGEST_EXTERNAL_ID, Item, Options
from labeler.intake.formats.recognise import Reader
from labeler.intake.outcomes import Refusal
from labeler.models import Image, Project

LOOKED_UP = 500  # addresses at once


def copied(read: Reader, url: str, tree: BucketTree, options: Options) -> Iterator[Item | Refusal]:
    """What was copied once is known by its address, and not copied again."""
    for item in read(tree, options):
        yield _addressed(item, url) if isinstance(item, Item) and item.source else item


def left(read: Reader, url: str, project: Project, tree: BucketTree, options: Options) -> Iterator[Item | Refusal]:
    """Originals stay in the bucket. What lies inside of another object, a parquet file say, cannot.

    An object that was overwritten since it came in is another image, and read: it is known by its ETag, too.
    """
    items = read(tree, options)
    while some := list(islice(items, LOOKED_UP)):
        there = [_addressed(item, url) for item in some if isinstance(item, Item) and item.source]
        etags = _etags_before(project, [item.external_id for item in there])
        for item in some:
            if not isinstance(item, Item) or item.source is None:
                yield item
            elif (name := tree.name_read_by(item.source)) is None:
                reason = _("It lies inside of another object, so it cannot stay there: import this folder as copies.")
                yield Refusal(item.name, reason, item.row)
            else:
                one = _addressed(item, url)
                before, now = etags.get(one.external_id), tree.etag_of(name)
                # A name that its row gives it stays that of the image it came in with.
                if not item.external_id and before not in (None, now):
                    one = replace(one, external_id=_cut(one.external_id, f"#{now}"))
                yield replace(one, place=partial(tree.place_of, name))


def _addressed(item: Item, url: str) -> Item:
    return replace(item, external_id=item.external_id or _cut(url[: url.rfind("/") + 1] + item.name))


def _cut(address: str, end: str = "") -> str:
    return address[: LONGEST_EXTERNAL_ID - len(end)] + end


def _etags_before(project: Project, addresses: list[str]) -> dict[str, str]:
    """Of images whose originals were left in a bucket, by address: the ETag of the object when it was read last."""
    images = Image.objects.filter(Q(project=project) | Q(trashed_from=project), external_id__in=addresses)
    hashes = dict(images.values_list("external_id", "sha256"))
    places = bucket_objects.places(hashes.values())
    return {address: places[sha256].etag for address, sha256 in hashes.items() if sha256 in places}
