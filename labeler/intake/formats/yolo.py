"""YOLO's layout for classification: train, val and perhaps test, in each a folder per class."""

from __future__ import annotations

from collections.abc import Iterator

from labeler.intake.formats import imagefolder
from labeler.intake.formats.item import Item, Options
from labeler.intake.outcomes import Refusal
from labeler.intake.tree import Tree


def recognises(tree: Tree, options: Options) -> bool:
    """Nothing tells it from an ImageFolder with splits, and what comes in is the same: that one is recognised."""
    return False


def read(tree: Tree, options: Options) -> Iterator[Item | Refusal]:
    yield from imagefolder.read(tree, options, needs_split=True)
