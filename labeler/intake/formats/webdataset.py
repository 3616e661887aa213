"""WebDataset shards: a tar whose members with one name up to the first dot are one sample, or a folder of such tars.

    000001.jpg  000001.cls (the class, by name or number)  000001.json ({"label": …} and metadata)

A number stays a number unless `classes.txt` or `classes.json` in the shard names the classes: in the preview it can be
mapped to a class.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from typing import Any

from django.utils.translation import gettext as _

from labeler.intake.check import Refused
from labeler.intake.formats import judgements, manifest
from labeler.intake.formats.item import SPLITS, Item, Names, Options, Said
from labeler.intake.outcomes import Refusal
from labeler.intake.tree import Tree

PICTURES = frozenset(("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff"))
MOST_BYTES = 2**20  # of a sample's description


def recognises(tree: Tree, options: Options) -> bool:
    if tree.kind == "folder":
        return bool(_shards(tree))
    if tree.kind != "tar":
        return False
    keys = {_key(name) for name in tree.names if name.lower().endswith((".cls", ".json"))}
    return any(_key(name) in keys for name in tree.images)


def _shards(tree: Tree) -> list[str]:
    tars = [name for name in tree.names if name.lower().endswith(".tar")]
    return tars if tars and len(tars) == len(tree.images) else []


def _key(name: str) -> str:
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.partition(".")[0]


def _suffix(name: str) -> str:
    return name.rpartition("/")[2].partition(".")[2].lower()


def read(tree: Tree, options: Options) -> Iterator[Item | Refusal]:
    yield from tree.refused
    shards = _shards(tree) if tree.kind == "folder" else []
    if not shards:
        yield from _samples(tree, options, tree.path.name)
    for name in shards:
        with Tree(tree.path / name, caps=tree.caps) as shard:
            yield from shard.refused
            yield from _samples(shard, options, name)


def _samples(tree: Tree, options: Options, shard: str) -> Iterator[Item | Refusal]:
    numbered = _classes(tree)
    # train-000000.tar: the shard's name says the split
    split = SPLITS.get(shard.rpartition("/")[2].partition("-")[0].partition(".")[0].casefold(), "")
    # names are sorted, so those of one key follow each other but for "a.b" between "a" and "a/": the key decides
    for key, names in groupby(sorted(tree.names, key=lambda name: (_key(name), name)), key=_key):
        by_suffix = {_suffix(name): name for name in names}
        picture = next((by_suffix[suffix] for suffix in by_suffix if suffix.rpartition(".")[2] in PICTURES), None)
        if picture is None:
            if by_suffix.keys() & {"cls", "json"} and key.rpartition("/")[2] not in ("classes", "dataset"):
                yield Refusal(next(iter(by_suffix.values())), _("There is no image of this sample."))
            continue
        yield _sample(tree, options, picture, by_suffix, numbered, split)


def _sample(
    tree: Tree, options: Options, picture: str, by_suffix: dict[str, str], numbered: list[str], split: str
) -> Item | Refusal:
    problems: list[str] = []
    described: dict[str, Any] = {}
    if "json" in by_suffix:
        try:
            found = json.loads(_small(tree, by_suffix["json"]))
            described = found if isinstance(found, dict) else {"label": found}
        except (ValueError, RecursionError, Refused):
            problems.append(_("The .json of this sample cannot be read."))
    named = {key: value for key, value in described.items() if manifest.ALSO.get(key, key) not in manifest.NAMING}
    has_label = any(manifest.ALSO.get(key, key) == "label" for key in named)
    context = manifest.Context(tree, options, Names([picture]), split=split)
    item = manifest.of_object(0, {**named, "file_name": picture}, context)
    if isinstance(item, Refusal):
        return Refusal(picture, item.reason)
    said = item.judgements
    if "cls" in by_suffix and not has_label:
        try:
            text = _small(tree, by_suffix["cls"]).decode("utf-8-sig").strip()
            classes = manifest.names_in(text, multi=options.multi)
            said = (Said(None, tuple(_named(name, numbered) for name in classes if name)),) if text else ()
        except (UnicodeDecodeError, Refused, judgements.Unusable):
            problems.append(_("The .cls of this sample cannot be read."))
    elif said:
        said = tuple(Said(s.annotator, tuple(_named(n, numbered) for n in s.classes), s.answer, s.created_at, s.seconds)
                     for s in said)  # fmt: skip
    return Item(
        picture, source=partial(tree.read, picture), sha256=item.sha256, external_id=item.external_id,
        split=item.split, metadata=item.metadata, judgements=said, predictions=item.predictions,
        problems=(*problems, *item.problems),
    )  # fmt: skip


def _small(tree: Tree, name: str) -> bytes:
    """Raises Refused."""
    content = tree.start(name, MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise Refused(_("The description of a sample is larger than %(most)s MB.") % {"most": MOST_BYTES // 2**20})
    return content


def _named(name: str, numbered: list[str]) -> str:
    return numbered[int(name)] if name.isascii() and name.isdigit() and int(name) < len(numbered) else name


def _classes(tree: Tree) -> list[str]:
    """The classes by number, where the shard says them."""
    for name in tree.names:
        last = name.rpartition("/")[2].lower()
        if last == "classes.txt":
            lines = tree.start(name, MOST_BYTES).decode("utf-8", "replace").splitlines()
            return [line.strip() for line in lines if line.strip()]
        if last == "classes.json":
            try:
                found = json.loads(tree.start(name, MOST_BYTES))
            except (ValueError, RecursionError):
                return []
            found = found.get("classes", found.get("names")) if isinstance(found, dict) else found
            if isinstance(found, list) and all(isinstance(one, str) for one in found):
                return found
    return []
