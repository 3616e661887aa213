"""ImageFolder, as torchvision and Hugging Face read it: the class is the folder, also below train, val, valid, test.

    root/cat/1.jpg      root/train/cat/1.jpg      root/cat/summer/1.jpg

YOLO's layout for classification is the same, always with splits. A folder of photographs looks like one too: `auto`
takes folders for classes only below splits, where half of them are classes of the project, or where whoever sends it
speaks of labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from django.utils.translation import gettext as _

from labeler.intake.formats.item import Item, Options, Said
from labeler.intake.formats.values import SPLITS
from labeler.intake.outcomes import Refusal
from labeler.intake.tree import Tree

SHARE_KNOWN = 0.5


def recognises(tree: Tree, options: Options) -> bool:
    if tree.kind == "file":
        return False
    places = [place for _name, place in _places(tree)]
    classes = {place[1] for place in places if place}
    # One picture beside the folders is no reason; many are.
    if not classes or sum(place is None for place in places) > 0.1 * len(places):
        return False
    known = sum(name.casefold() in options.known for name in classes)
    return options.expects_labels or has_splits(tree) or known >= max(1, SHARE_KNOWN * len(classes))


def has_splits(tree: Tree) -> bool:
    """Does every image lie below train, val, valid or test, and a class's folder?"""
    return _below_splits(_without_root([name.split("/") for name in tree.images]))


def read(tree: Tree, options: Options, *, needs_split: bool = False) -> Iterator[Item | Refusal]:
    """needs_split: as YOLO has it, an image that lies in no split is refused."""
    yield from tree.refused
    for name, place in _places(tree):
        split, class_name = place or ("", "")
        if needs_split and not split:
            yield Refusal(name, _("It lies in none of the folders train, val and test."))
            continue
        judgements = (Said(None, (class_name,)),) if class_name else ()
        yield Item(name, source=partial(tree.read, name), split=split, judgements=judgements)


def _places(tree: Tree) -> Iterator[tuple[str, tuple[str, str] | None]]:
    """Each image's name, with its split ("": none) and class; None where no folder names a class."""
    names = tree.images
    paths = _without_root([name.split("/") for name in names])
    below = _below_splits(paths)
    for name, parts in zip(names, paths, strict=True):
        folders = parts[:-1]
        split = SPLITS[folders[0].casefold()] if below else ""
        rest = folders[1:] if below else folders
        yield name, (split, rest[0]) if rest else None


def _without_root(paths: list[list[str]]) -> Sequence[list[str]]:
    """Folders around all are no classes: as long as something is left to name one."""
    while paths:
        first = paths[0][0]
        if len(paths[0]) < 3 or first.casefold() in SPLITS or not all(p[0] == first and len(p) > 2 for p in paths):
            break
        paths = [path[1:] for path in paths]
    return paths


def _below_splits(paths: Sequence[list[str]]) -> bool:
    return bool(paths) and all(len(path) > 2 and path[0].casefold() in SPLITS for path in paths)
