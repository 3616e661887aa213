"""Find near-duplicates (saved again, resized, brightened) and keep them on one side of the split of training and test.

A copy of an image that a model was trained on tells nothing about the model. So an image that is nearly the same
as one of a held-out slice joins that slice, one that is nearly the same as a training image trains too, and one that
bridges two of them is left out of all. Where most pictures of a project look alike (drawings on one ground, X-rays),
that they do says nothing: beyond MOST_COPIES only what is the same within the loss of a file format counts, and no
group takes more of a project than most_of_a_group(). Knows sketches, slices and groups; the only module that writes
Sketch. Which images are held out at all is labeling/seats.py's; called by intake with the project locked, by a worker
for images of before, and by one that found pairs in another way (worker/indexing/near_duplicate_search.py).
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from django.db import transaction
from django.db.models import Count, Min, QuerySet
from numpy.typing import NDArray
from PIL import Image as Pixels

from labeler.accounts.audit import audit
from labeler.models import Image, Project, Sketch
from labeler.models.image import HELD_OUT, Slice

SIDE = 16  # pixels of a sketch
LOW = 8  # frequencies of it that the 64 bits are of
BITS = 12  # of 64 that may differ: the filter; what passes it is compared by its pixels
# Root mean square of the difference, once mean and contrast are taken out; 0.15 is a correlation of .989. Among the
# 3,781 clothing photographs one pair lies below, and it is one photograph twice; the next is at 0.18.
DIFFERENT = 0.15
FLAT = 6.0  # contrast in grey levels below which there is nothing to correlate
FLAT_DIFFERENT = 3.0  # grey levels: then the pixels themselves must agree
MOST_COMPARED = 64  # of the images whose 64 bits pass, those with the fewest differing: what one image may cost
MOST_COPIES = 16  # an image that is near to more shows what this project's pictures look like
SAME = 0.03  # as DIFFERENT, for such a picture: what saving it again makes of it
MOST_OF_A_GROUP, SHARE_OF_A_GROUP = 64, 0.1  # images, and of a project
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


@dataclass(frozen=True, slots=True)
class Drawn:
    """An image in a few bytes."""

    look: int  # 64 bits, as a signed number
    pixels: bytes  # SIDE x SIDE x 3


def draw(thumbnail: bytes | Path) -> Drawn:
    """The sketch of a thumbnail. Raises OSError for what is no image or not there."""
    from scipy.fft import dctn  # here: a web process starts without scipy

    with Pixels.open(io.BytesIO(thumbnail) if isinstance(thumbnail, bytes) else thumbnail) as image:
        small = image.convert("RGB").resize((SIDE, SIDE), Pixels.Resampling.BOX)
    pixels = np.asarray(small)
    waves = dctn(pixels.astype(np.float64) @ _LUMA, norm="ortho")[:LOW, :LOW].ravel()
    # The mean tells how bright it is, which is nothing about what it shows.
    bits = waves > np.median(waves[1:])
    bits[0] = False
    return Drawn(int(np.packbits(bits).view(">i8")[0]), pixels.tobytes())


@dataclass(slots=True)
class _Pictures:
    """The pixels of sketches; row k of both is of the k-th."""

    pixels: NDArray[np.uint8]  # (n, SIDE * SIDE * 3)
    unit: NDArray[np.float32] = field(init=False)  # brightness and contrast taken out; 0 where there is no contrast
    is_flat: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        values = self.pixels.astype(np.float32)
        values -= values.mean(axis=1, keepdims=True)
        deviation = np.sqrt((values**2).mean(axis=1, keepdims=True, dtype=np.float32))
        self.is_flat = deviation[:, 0] < FLAT
        self.unit = values / np.maximum(deviation, np.float32(1e-6))

    @classmethod
    def of_bytes(cls, sketches: Sequence[bytes]) -> _Pictures:
        return cls(np.frombuffer(b"".join(sketches), np.uint8).reshape(len(sketches), SIDE * SIDE * 3))

    def distances(self, row: int, others: _Pictures, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Of one of these to some others, in units of DIFFERENT: 1 and less is nearly the same."""
        likeness = others.unit[rows] @ self.unit[row] / self.unit.shape[1]
        apart = np.sqrt(np.clip(2 - 2 * likeness, 0, None)) / np.float32(DIFFERENT)
        flat = others.is_flat[rows] | self.is_flat[row]
        if flat.any():
            grey = others.pixels[rows[flat]].astype(np.float32) - self.pixels[row].astype(np.float32)
            apart[flat] = np.sqrt((grey**2).mean(axis=1)) / FLAT_DIFFERENT
        return apart


def is_nearly(one: bytes, other: bytes) -> bool:
    """Do two sketches show the same, brighter or paler perhaps?"""
    both = _Pictures.of_bytes([one, other])
    return bool(both.distances(0, both, np.array([1]))[0] <= 1)


def joined(own: Slice, near: Iterable[Slice]) -> Slice:
    """The slice of a newcomer: its own by chance, or that of the images that are nearly the same."""
    there = set(near)
    parts = {_part(one) for one in there - {Slice.APART}}
    if not there:
        return own
    if len(parts) != 1:
        return Slice.APART  # bridges two, or is like one that does
    (part,) = parts
    return part or (Slice.NONE if Slice.NONE in there else Slice.BLIND)


def _part(one: Slice) -> Slice:
    """What must not mix: each held-out slice, and all that is trained on."""
    return one if one in HELD_OUT else Slice.NONE


# ---------------------------------------------------------------- newcomers


@dataclass(slots=True)
class Known:
    """The sketches of a project, as read so far; row k is of image ids[k]."""

    project: Project
    ids: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    looks: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def bring_up_to_date(self) -> None:
        """Read those of images that came in since. Call with the project locked."""
        last = int(self.ids.max(initial=0))
        rows = Sketch.objects.filter(project=self.project, image__gt=last).values_list("image_id", "look")
        new = np.array(list(rows), np.int64).reshape(-1, 2)
        self.ids, self.looks = np.concatenate([self.ids, new[:, 0]]), np.concatenate([self.looks, new[:, 1]])

    def near(self, look: int) -> list[int]:
        """Ids of the images that may be nearly the same, by the 64 bits alone; MOST_COMPARED at most."""
        return [int(pk) for pk in self.ids[_closest(self.looks, look)]]


def _closest(looks: NDArray[np.int64], look: int) -> NDArray[np.int64]:
    """Rows of those at most BITS from a look; of more than MOST_COMPARED the closest."""
    differing = np.bitwise_count((looks ^ np.int64(look)).view(np.uint64))
    rows = np.flatnonzero(differing <= BITS)
    if len(rows) > MOST_COMPARED:
        rows = np.sort(rows[np.argsort(differing[rows], kind="stable")[:MOST_COMPARED]])
    return rows


def most_of_a_group(n_sketches: int) -> int:
    """How many images of a project with so many sketches may be taken for copies of one picture, and how many left out
    of all because they are found to be copies: a project keeps images to train on and to judge by.
    """
    return max(MOST_OF_A_GROUP, int(SHARE_OF_A_GROUP * n_sketches))


def most_of_a_group_in(project: Project) -> int:
    """The same; counts all sketches, so who works in steps asks once and not in each."""
    return most_of_a_group(Sketch.objects.filter(project=project).count())


def place(known: Known, newcomers: Sequence[tuple[Image, Drawn]]) -> list[list[int | Image]]:
    """Give newcomers, not saved yet, their slices; for each the images that are nearly the same (id, or a newcomer)."""
    known.bring_up_to_date()
    candidates = [known.near(drawn.look) for _image, drawn in newcomers]
    wanted = {pk for ids in candidates for pk in ids}
    rows = list(Sketch.objects.filter(pk__in=wanted).values_list("image_id", "pixels", "image__slice", "group"))
    there = {pk: (row, Slice(slice_), group) for row, (pk, _pixels, slice_, group) in enumerate(rows)}
    before = _Pictures.of_bytes([bytes(pixels) for _pk, pixels, _slice, _group in rows])
    kept = _Groups(_sizes(known.project, {group for _row, _slice, group in there.values()}))
    most = most_of_a_group(len(known.ids))  # not a count of rows: this is called for every 100 images of an import
    new = _Pictures.of_bytes([drawn.pixels for _image, drawn in newcomers])
    looks = np.array([drawn.look for _image, drawn in newcomers], np.int64)
    found: list[list[int | Image]] = []
    for at, (image, drawn) in enumerate(newcomers):
        ids = [pk for pk in candidates[at] if pk in there]
        earlier = _closest(looks[:at], drawn.look)
        apart = np.concatenate([
            new.distances(at, before, np.array([there[pk][0] for pk in ids], np.int64)),
            new.distances(at, new, earlier),
        ])  # fmt: skip
        is_crowd = np.count_nonzero(apart <= 1) > MOST_COPIES
        near = np.flatnonzero(apart <= (SAME / DIFFERENT if is_crowd else 1)).tolist()
        old = [ids[k] for k in near if k < len(ids)]
        others = [int(earlier[k - len(ids)]) for k in near if k >= len(ids)]
        theirs = [there[pk][2] for pk in old] + [-1 - other for other in others]
        if len(near) > MOST_COPIES or not kept.join(-1 - at, theirs, most):
            old, others = [], []  # how this project's pictures look: each stays what chance made it
            kept.join(-1 - at, [], most)
        slices = [there[pk][1] for pk in old] + [Slice(newcomers[other][0].slice) for other in others]
        image.slice = joined(Slice(image.slice), slices)
        found.append([*old, *(newcomers[other][0] for other in others)])
    return found


class _Groups:
    """How large groups become while newcomers join them: by number, or -1, -2, ... for the newcomers' own."""

    def __init__(self, sizes: dict[int, int]) -> None:
        self._sizes = sizes
        self._into: dict[int, int] = {}

    def join(self, newcomer: int, groups: Iterable[int], most: int) -> bool:
        """One group of a newcomer and these; False, and nothing is done, where it would have more than `most`."""
        together = {self._now(group) for group in groups}
        size = 1 + sum(self._sizes[group] for group in together)
        if together and size > most:
            return False
        for group in together:
            self._into[group] = newcomer
            del self._sizes[group]
        self._sizes[newcomer] = size
        return True

    def _now(self, group: int) -> int:
        while group in self._into:
            group = self._into[group]
        return group


def _sizes(project: Project, groups: Collection[int]) -> dict[int, int]:
    """How many images each of these groups has."""
    if not groups:
        return {}
    rows = Sketch.objects.filter(project=project, group__in=groups).order_by().values_list("group")
    return dict(rows.annotate(n=Count("pk")))


def keep(newcomers: Sequence[tuple[Image, Drawn]], near: Sequence[Sequence[int | Image]]) -> None:
    """Keep the sketches of newcomers that are saved by now, each in the group of those that are nearly the same."""
    groups: dict[int, int] = {}
    known = {one for found in near for one in found if isinstance(one, int)}
    before = dict(Sketch.objects.filter(pk__in=known).values_list("image_id", "group"))
    for (image, _drawn), found in zip(newcomers, near, strict=True):
        theirs = {groups[one.pk] if isinstance(one, Image) else before[one] for one in found}
        groups[image.pk] = min(theirs, default=image.pk)
        # A newcomer that is like two groups makes one of them.
        for other in theirs - {groups[image.pk]}:
            Sketch.objects.filter(project=image.project_id, group=other).update(group=groups[image.pk])
            groups |= {pk: groups[image.pk] for pk, group in groups.items() if group == other}
            before |= {pk: groups[image.pk] for pk, group in before.items() if group == other}
    Sketch.objects.bulk_create(
        Sketch(image=image, project_id=image.project_id, look=drawn.look, pixels=drawn.pixels, group=groups[image.pk])
        for image, drawn in newcomers
    )


def shows_one_of(images: QuerySet[Image], drawn: Drawn) -> bool:
    """Is what was drawn nearly the same as one of these images? Only those that have a sketch are known.

    Reads 16 bytes for each of them, and the pixels of the few that the 64 bits let through.
    """
    rows = np.array(list(Sketch.objects.filter(image__in=images).values_list("image_id", "look")), np.int64)
    rows = rows.reshape(-1, 2)
    close = rows[np.bitwise_count((rows[:, 1] ^ np.int64(drawn.look)).view(np.uint64)) <= BITS, 0].tolist()
    pixels = Sketch.objects.filter(pk__in=close).values_list("pixels", flat=True)
    return any(is_nearly(drawn.pixels, bytes(one)) for one in pixels)


# ---------------------------------------------------------------- images of before


def without(project: Project, most: int, besides: Collection[int] = ()) -> list[Image]:
    """Images nobody has made a sketch of, the oldest first."""
    return list(Image.objects.filter(project=project, sketch=None).exclude(pk__in=besides).order_by("pk")[:most])


@transaction.atomic
def keep_older_sketches(project: Project, drawn: Sequence[tuple[Image, Drawn]]) -> int:
    """Keep the sketches of images that are in the project already; how many had to be left out of training or tests.

    Of two that are nearly the same _gives_way() says which.
    """
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    there = set(Sketch.objects.filter(pk__in=[image.pk for image, _ in drawn]).values_list("pk", flat=True))
    todo = [(image, sketch) for image, sketch in drawn if image.pk not in there]
    own = {image.pk: Slice(image.slice) for image, _ in todo}
    near = place(Known(project), todo)
    left_out: set[int] = set()
    for (image, _sketch), found in zip(todo, near, strict=True):
        image.slice = own[image.pk]
        ids = [one.pk if isinstance(one, Image) else one for one in found]
        slices = own | dict(Image.objects.filter(pk__in=ids).values_list("pk", "slice"))
        left_out |= {gone for pk in ids if (gone := _gives_way(image.pk, pk, slices)) is not None}
    keep(todo, near)
    return _leave_out(project, left_out)


def _gives_way(one: int, other: int, slices: Mapping[int, str]) -> int | None:
    """Which of two images that are nearly the same is left out of training and tests; None: both stay.

    Held-out images stay what they are, so that figures stay comparable: the one that is trained on is left out; of two
    in different held-out slices, the newer one.
    """
    pair = {pk: _part(Slice(slices[pk])) for pk in (one, other)}
    if Slice.APART in (slices[one], slices[other]) or len(set(pair.values())) == 1:
        return None
    trained = [pk for pk, part in pair.items() if part not in HELD_OUT]
    return trained[0] if trained else max(pair)


def _leave_out(project: Project, image_ids: set[int]) -> int:
    if image_ids:
        Image.objects.filter(pk__in=image_ids).update(slice=Slice.APART)
        audit(None, "images.left_out", project=project, subject=f"{len(image_ids)} images", images=sorted(image_ids))
    return len(image_ids)


# ---------------------------------------------------------------- pairs found in another way


def uncompared(project: Project) -> list[int]:
    """Ids of images that were not held against those that look like them, the oldest first."""
    return list(Sketch.objects.filter(project=project, compared=False).order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def join(project: Project, image_ids: Collection[int], pairs: Collection[tuple[int, int]], *, most: int) -> int:
    """Note that these images were compared, and put pairs that are nearly the same into one group each.

    most: images of a group, and left out of all, as most_of_a_group_in() says. How many had to be left out of training
    or tests. Pairs of which one is gone by now are nothing.
    """
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    wanted = {pk for pair in pairs for pk in pair}
    rows = Sketch.objects.filter(project=project, pk__in=wanted).values_list("pk", "group", "image__slice")
    groups = {pk: group for pk, group, _slice in rows}
    slices = {pk: slice_ for pk, _group, slice_ in rows}
    sizes = _sizes(project, set(groups.values()))
    # How many may still be left out; counted where one would have to be.
    room = cache(lambda: most - Image.objects.filter(project=project, slice=Slice.APART).count())
    left_out: set[int] = set()
    for one, other in pairs:
        if one not in groups or other not in groups:
            continue
        gone = _gives_way(one, other, slices)
        first, second = sorted((groups[one], groups[other]))
        is_too_large = first != second and sizes[first] + sizes[second] > most
        if is_too_large or (gone is not None and gone not in left_out and len(left_out) >= room()):
            continue  # they look alike as all do here: neither is a copy, and neither is left out
        if gone is not None:
            left_out.add(gone)
        if first != second:
            Sketch.objects.filter(project=project, group=second).update(group=first)
            groups = {pk: first if group == second else group for pk, group in groups.items()}
            sizes[first] += sizes.pop(second)
    Sketch.objects.filter(project=project, pk__in=image_ids).update(compared=True)
    return _leave_out(project, left_out)


# ---------------------------------------------------------------- what there is


def groups_of(image_ids: Sequence[int]) -> dict[int, int]:
    """The group of each of these images that has a sketch."""
    return dict(Sketch.objects.filter(pk__in=image_ids).values_list("image_id", "group"))


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Images that are nearly the same."""

    number: int
    images: list[Image]


def groups(project: Project, n: int, start: int = 0) -> tuple[list[DuplicateGroup], int]:
    """Groups of two and more, the largest first, from `start`; and how many there are."""
    found = (
        Sketch.objects.filter(project=project)
        .values("group")
        .annotate(n=Count("pk"), first=Min("pk"))
        .filter(n__gt=1)
        .order_by("-n", "first")
    )
    numbers = [row["group"] for row in found[start : start + n]]
    members: dict[int, list[Image]] = {number: [] for number in numbers}
    rows = Image.objects.filter(sketch__project=project, sketch__group__in=numbers).select_related("sketch")
    for image in rows.order_by("pk"):
        members[image.sketch.group].append(image)
    return [DuplicateGroup(number, members[number]) for number in numbers], found.count()
