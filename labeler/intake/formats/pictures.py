"""Images and nothing else: each file is an image, whatever its folder."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from labeler.intake.formats.item import Item, Options
from labeler.intake.outcomes import Refusal
from labeler.intake.tree import Tree


def recognises(tree: Tree, options: Options) -> bool:
    return True


def read(tree: Tree, options: Options) -> Iterator[Item | Refusal]:
    yield from tree.refused
    for name in tree.images:
        yield Item(name, source=partial(tree.read, name))
