"""What lists are made of: rows that keep all that the server said in `raw`, and lists that are read page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from labeler_client.transport import Transport

if TYPE_CHECKING:
    import pandas

T = TypeVar("T")
PAGE_SIZE = 500


class Rows(Generic[T]):
    """A list of the server's, read page by page while it is iterated. Iterating again asks again."""

    def __init__(
        self, transport: Transport, path: str, params: Mapping[str, Any], shape: Callable[[dict[str, Any]], T]
    ) -> None:
        self._transport, self._path, self._shape = transport, path, shape
        self._params = {"page_size": PAGE_SIZE, **params}

    def raw(self) -> Iterator[dict[str, Any]]:
        """Each row as the server sent it."""
        step: str | None = self._path
        params: Mapping[str, Any] | None = self._params
        while step is not None:
            page = self._transport.json("GET", step, params=params)
            yield from page["results"]
            step, params = page["next"], None  # `next` names the parameters itself

    def __iter__(self) -> Iterator[T]:
        return map(self._shape, self.raw())

    def to_pandas(self) -> pandas.DataFrame:
        """All rows as a table, one column for each member. Needs `pip install labeler-client[pandas]`."""
        import pandas

        return pandas.DataFrame(list(self.raw()))


@dataclass(frozen=True, slots=True)
class Stat:
    """A figure with its interval. value is None where it is undefined; `reason` then says why, in words."""

    value: float | None
    low: float | None
    high: float | None
    n: int | None
    reason: str | None

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Stat:
        """From the server's answer."""
        return cls(*(said.get(name) for name in ("value", "low", "high", "n", "reason")))


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far people agree. Everything else (pairs, categories, confusion, annotators) is in `raw`."""

    alpha: Stat
    fleiss: Stat
    light: Stat
    observed: Stat
    n_images: int
    n_labels: int
    notes: list[str]
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Agreement:
        """From the server's answer."""
        named = {name: Stat.of(raw[name]) for name in ("alpha", "fleiss", "light", "observed")}
        return cls(
            **named, n_images=raw["n_images"], n_labels=raw["n_labels"], notes=list(raw.get("notes", [])), raw=raw
        )


@dataclass(frozen=True, slots=True)
class Image:
    """An image of a project."""

    id: int
    name: str
    width: int
    height: int
    sha256: str
    status: str | None
    metadata: dict[str, Any]
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Image:
        """From the server's answer."""
        return cls(
            raw["id"], raw["name"], raw["width"], raw["height"], raw["sha256"], raw.get("status"),
            raw.get("metadata") or {}, raw,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Label:
    """One person's judgement of one image."""

    id: int
    image: int
    file_name: str
    annotator: str
    answer: str
    categories: list[str]
    created_at: str
    raw: dict[str, Any] = field(repr=False)

    @property
    def objects(self) -> list[dict[str, Any]] | None:
        """What is drawn: `{number, category, box | polygon | mask, attributes, …}` each; None where answers are
        classes.
        """
        return self.raw.get("objects")

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Label:
        """From the server's answer."""
        return cls(
            raw["id"], raw["image"], raw["file_name"], raw["annotator"], raw["answer"], raw["categories"],
            raw["created_at"], raw,
        )  # fmt: skip
