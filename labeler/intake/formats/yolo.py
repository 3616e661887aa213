"""YOLO: labels beside the images where people draw; else train, val and perhaps test, in each a folder per class."""

from __future__ import annotations

from collections.abc import Iterator

from labeler.intake.formats import imagefolder, yolo_objects
from labeler.intake.formats.item import Item, Options
from labeler.intake.outcomes import Refusal
from labeler.intake.tree import Tree


def recognises(tree: Tree, options: Options) -> bool:
    """Of classes nothing tells it from an ImageFolder with splits, and what comes in is the same."""
    return yolo_objects.recognises(tree, options)


def read(tree: Tree, options: Options) -> Iterator[Item | Refusal]:
    if options.draws:
        yield from yolo_objects.read(tree, options)
    else:
        yield from imagefolder.read(tree, options, needs_split=True)
