"""Another program's model: its predictions are shown to people as pre-labels, and never count as theirs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from labeler_client.transport import Transport
from labeler_client.work import Progress

LOT = 1000


@dataclass(frozen=True, slots=True)
class Stored:
    """How many predictions are stored, and which were refused: `{item, object?, reason}`, item counted from 0 over
    all; with `object`, from 1, only that object of it."""

    stored: int
    refused: list[dict[str, Any]]


class OutsideModel:
    """A model of a name and a version, as a run of the project."""

    def __init__(self, transport: Transport, raw: dict[str, Any]) -> None:
        self._transport = transport
        self.raw = raw

    def __repr__(self) -> str:
        return f"<OutsideModel {self.id}>"

    @property
    def id(self) -> int:
        """The server's number for it."""
        return int(self.raw["id"])

    def predict(self, items: Iterable[Mapping[str, Any]], progress: Progress | None = None) -> Stored:
        """Send predictions, a thousand at a time: each names an image by `image`, `sha256` or `file_name`, and says
        `categories`, `probabilities` (name to p), or both; where people draw, `objects`, a list of `{category, box |
        polygon | mask, probability}`. The same again changes nothing.
        """
        left, stored, sent = iter(items), 0, 0
        refused: list[dict[str, Any]] = []
        while lot := [dict(item) for item in islice(left, LOT)]:
            said = self._transport.json(
                "POST", f"/api/outside-models/{self.id}/predictions/", once=True, json={"items": lot}
            )
            stored += said["stored"]
            refused += [{**one, "item": one["item"] + sent} for one in said["refused"]]
            sent += len(lot)
            if progress is not None:
                progress(sent, 0)
        return Stored(stored, refused)

    def activate(self) -> OutsideModel:
        """Have its predictions be the pre-labels from now on."""
        self.raw = self._transport.json("POST", f"/api/outside-models/{self.id}/activation/")
        return self
