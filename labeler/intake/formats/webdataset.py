"""WebDataset shards: a tar whose members with one name up to the first dot are one sample, or a folder of such tars.

    000001.jpg  000001.cls (the class, by name or number)  000001.json ({"label": …} or {"objects": …}, and metadata)

A number stays a number unless `classes.txt` or `classes.json` in the shard names the classes: in the preview it can be
mapped to a class.
"""

from __future__ import annotations

import json
import shutil
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from labeler.intake import tree as trees
from labeler.intake.check import Refused
from labeler.intake.formats import judgements, manifest_row, values
from labeler.intake.formats.item import Item, Names, Options, Said
from labeler.intake.outcomes import Refusal
from labeler.intake.tree import Tree, each

PICTURES = frozenset(("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff"))
OPEN = 2  # shards at a time
MOST_BYTES = 2**20  # of a sample's description


def recognises(tree: Tree, options: Options) -> bool:
    if _shards(tree):
        return True
    if tree.kind != "tar":
        return False
    keys = {_key(name) for name in tree.names if name.lower().endswith((".cls", ".json"))}
    return any(_key(name) in keys for name in tree.images)


def _shards(tree: Tree) -> list[str]:
    """The tars of a folder or a zip that holds nothing else but tables about them."""
    if tree.kind not in ("folder", "zip"):
        return []
    tars = list(each(tree, ".tar"))
    beside = set(tree.images).difference(tars, each(tree, ".json", ".csv", ".txt", ".md"))
    return [] if beside else tars


def _key(name: str) -> str:
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.partition(".")[0]


def _suffix(name: str) -> str:
    return name.rpartition("/")[2].partition(".")[2].lower()


def read(tree: Tree, options: Options) -> Iterator[Item | Refusal]:
    yield from tree.refused
    names = _shards(tree)
    if not names:
        yield from _samples(tree, options, tree.path.name, tree.read, _classes(tree))
        return
    shards, beside = _Shards(tree), _classes(tree)
    tree.close_with(shards.close)
    for name in names:
        shard = shards.opened(name)
        yield from shard.refused
        yield from _samples(shard, options, name, partial(shards.read, name), _classes(shard) or beside)


class _Shards:
    """Shards of a folder or a zip, two of them open: their images are read in order, but some time after their rows."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._open: OrderedDict[str, tuple[Tree, ExitStack]] = OrderedDict()

    def opened(self, name: str) -> Tree:
        if name not in self._open:
            with ExitStack() as stack:
                shard = stack.enter_context(Tree(self._path(name, stack), name=name, caps=self._tree.caps))
                self._open[name] = shard, stack.pop_all()
            if len(self._open) > OPEN:
                self._open.popitem(last=False)[1][1].close()
        self._open.move_to_end(name)
        return self._open[name][0]

    def _path(self, name: str, stack: ExitStack) -> Path:
        """Where it lies; one of a zip is copied, for its members are found by their place."""
        if self._tree.kind == "folder":
            return self._tree.path / name
        target = stack.enter_context(trees.named_temporary())
        with self._tree.open(name) as stream:
            shutil.copyfileobj(stream, target)
        target.flush()
        return Path(target.name)

    def read(self, name: str, member: str) -> bytes:
        return self.opened(name).read(member)

    def close(self) -> None:
        while self._open:
            self._open.popitem()[1][1].close()


def _samples(
    tree: Tree, options: Options, shard: str, read: Callable[[str], bytes], numbered: list[str]
) -> Iterator[Item | Refusal]:
    """read: the bytes of a member, whenever they are wanted. numbered: the classes by number."""
    # train-000000.tar: the shard's name says the split
    split = values.SPLITS.get(shard.rpartition("/")[2].partition("-")[0].partition(".")[0].casefold(), "")
    # names are sorted, so those of one key follow each other but for "a.b" between "a" and "a/": the key decides
    for key, names in groupby(sorted(tree.names, key=lambda name: (_key(name), name)), key=_key):
        by_suffix = {_suffix(name): name for name in names}
        picture = next((by_suffix[suffix] for suffix in by_suffix if suffix.rpartition(".")[2] in PICTURES), None)
        if picture is None:
            if by_suffix.keys() & {"cls", "json"} and key.rpartition("/")[2] not in ("classes", "dataset"):
                yield Refusal(next(iter(by_suffix.values())), _("There is no image of this sample."))
            continue
        yield _sample(tree, options, picture, by_suffix, numbered, split, read)


def _sample(
    tree: Tree, options: Options, picture: str, by_suffix: dict[str, str], numbered: list[str], split: str,
    read: Callable[[str], bytes],
) -> Item | Refusal:  # fmt: skip
    problems: list[str] = []
    described: dict[str, Any] = {}
    if "json" in by_suffix:
        try:
            found = json.loads(_small(tree, by_suffix["json"]))
            described = found if isinstance(found, dict) else {"label": found}
        except (ValueError, RecursionError, Refused):
            problems.append(_("The .json of this sample cannot be read."))
    named = {
        key: value for key, value in described.items() if manifest_row.ALSO.get(key, key) not in manifest_row.NAMING
    }
    has_label = any(manifest_row.ALSO.get(key, key) == "label" for key in named)
    context = manifest_row.Context(tree, options, Names([picture]), split=split)
    item = manifest_row.of_object(0, {**named, "file_name": picture}, context)
    if isinstance(item, Refusal):
        return Refusal(picture, item.reason)
    said = item.judgements
    if "cls" in by_suffix and not has_label:
        try:
            text = _small(tree, by_suffix["cls"]).decode("utf-8-sig").strip()
            classes = manifest_row.names_in(text, multi=options.multi)
            said = (Said(None, tuple(_named(name, numbered) for name in classes if name)),) if text else ()
        except (UnicodeDecodeError, Refused, judgements.Unusable):
            problems.append(_("The .cls of this sample cannot be read."))
    elif said:
        said = tuple(replace(one, classes=tuple(_named(name, numbered) for name in one.classes)) for one in said)
    return replace(
        item, name=picture, row=None, source=partial(read, picture), url="", judgements=said,
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
            if isinstance(found, list):
                # A list of names, or ours: [{"index": 0, "class": "cat"}, …].
                names = [one.get("class") if isinstance(one, dict) else one for one in found]
                return [str(one) for one in names] if all(isinstance(one, str) for one in names) else []
    return []
