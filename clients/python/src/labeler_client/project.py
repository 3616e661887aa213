"""One project: what goes in, what comes out, and what is done there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labeler_client import uploads
from labeler_client.outside import OutsideModel
from labeler_client.releases import Release
from labeler_client.rows import Agreement, Image, Label, Rows
from labeler_client.transport import Transport
from labeler_client.uploads import Paths, Uploaded
from labeler_client.webhooks import Webhook
from labeler_client.work import Job, Progress, Run


class Project:
    """A project of the server. Made by `Client.project` and `Client.projects`."""

    def __init__(self, transport: Transport, raw: dict[str, Any]) -> None:
        self._transport = transport
        self.raw = raw

    def __repr__(self) -> str:
        return f"<Project {self.id}: {self.name}>"

    @property
    def id(self) -> int:
        """The server's number for it."""
        return int(self.raw["id"])

    @property
    def name(self) -> str:
        """As people call it."""
        return str(self.raw["name"])

    def _at(self, rest: str) -> str:
        return f"/api/projects/{self.id}/{rest}"

    # ------------------------------------------------------------ what is there

    def images(self, *, metadata: Mapping[str, Any] | None = None, **filters: Any) -> Rows[Image]:
        """Its images. filters: as REST has them (status, category, predicted, search, order …), a list for several.

        metadata: values by key.
        """
        params = {**filters, **{f"metadata.{key}": value for key, value in (metadata or {}).items()}}
        return Rows(self._transport, self._at("images/"), params, Image.of)

    def labels(self, *, history: bool = False) -> Rows[Label]:
        """Every current judgement, oldest first; with `history` those that were changed or taken back, too."""
        return Rows(self._transport, self._at("labels/"), {"history": "true"} if history else {}, Label.of)

    def agreement(self, **of: Any) -> Agreement:
        """How far people agree. of: labels ("blind", "assisted", "all"), sample, since, guideline, category."""
        return Agreement.of(self._transport.json("GET", self._at("agreement/"), params=of))

    # ------------------------------------------------------------ in

    def upload(self, paths: Paths, progress: Progress | None = None) -> Uploaded:
        """Send image files, or the images of folders, some at a time. A lot that was lost on the way is sent again and
        taken in once; bytes that are there already are named as duplicates.
        """
        return uploads.upload(self._transport, self.id, paths, progress)

    def import_file(
        self,
        path: str | os.PathLike[str],
        *,
        format: str = "auto",
        labels_as: Mapping[str, str] | str | None = None,
        new_categories: Mapping[str, str | None] | str | None = None,
        dry_run: bool = False,
        blind: bool = False,
        origin: int | None = None,
    ) -> Job:
        """Have a worker import an archive, a table, or another tool's file: `.wait()` for it.

        labels_as: what the labels are: {"people": column}, {"source": name}, "prelabels", "gold" or "nothing".
        new_categories: "make", "refuse" or {"old": "new"}. dry_run: say what would be (`Job.found`), write nothing.
        origin: of Pascal VOC, the number of the first pixel: 1 (the standard, if left out) or 0.
        """
        form: dict[str, str] = {"format": format}
        if labels_as is not None:
            form["labels_as"] = json.dumps(labels_as)
        if new_categories is not None:
            form["new_categories"] = new_categories if isinstance(new_categories, str) else json.dumps(new_categories)
        form |= {name: "true" for name, is_so in (("dry_run", dry_run), ("blind", blind)) if is_so}
        if origin is not None:
            form["origin"] = str(origin)
        with Path(path).open("rb") as file:
            raw = self._transport.json(
                "POST", self._at("imports/"), once=True, rewind=lambda: _to_start(file), data=form,
                files={"file": (Path(path).name, file)},
            )  # fmt: skip
        return Job(self._transport, raw)

    def outside_model(self, name: str, version: str = "", *, threshold: float | None = None) -> OutsideModel:
        """Another program's model, to send its predictions. The same name and version is the same model.

        threshold: where people draw, the probability from which on its objects are shown; 0.5 if left out.
        """
        body: dict[str, Any] = {"name": name, "version": version}
        if threshold is not None:
            body["threshold"] = threshold
        return OutsideModel(
            self._transport, self._transport.json("POST", self._at("outside-models/"), once=True, json=body)
        )

    def predictions(self, run: int | None = None) -> Rows[dict[str, Any]]:
        """What a model says of the images: `{id, image, run, categories | objects, probability}`. run: whose; None: of
        the model in use.
        """
        return Rows(self._transport, self._at("predictions/"), {} if run is None else {"run": run}, dict)

    # ------------------------------------------------------------ labeling

    def claim(self, count: int = 1) -> list[dict[str, Any]]:
        """The next images to label, with their pre-labels: `{image, prelabel, expires_at}` each."""
        said = self._transport.json("POST", self._at("claims/"), json={"count": count})
        return list(said["claims"])

    def label(
        self,
        image: int,
        *,
        categories: Sequence[str | int] | None = None,
        objects: Sequence[Mapping[str, Any]] | None = None,
        keep: str | None = None,
        seconds: float | None = None,
    ) -> dict[str, Any]:
        """Answer an image that was claimed: with classes, or with what is drawn on it.

        objects: `{category, box | polygon | mask, attributes?, from?}` each, in pixels of the upright image; [] where
        nothing is. `{"from": 3}` alone is object 3 of the pre-label as it was, with a shape it is that one, moved;
        keep="all" keeps those that are not named. Returns the label; its `objects` are as they are stored and say what
        became of the pre-label, `changes` what was cut or mended.
        """
        body: dict[str, Any] = {} if seconds is None else {"seconds": seconds}
        if objects is not None:
            body["objects"] = [dict(one) for one in objects]
        if keep is not None:
            body["keep"] = keep
        if categories is not None:
            body["categories"] = list(categories)
        return dict(self._transport.json("PUT", f"/api/images/{image}/label/", once=True, json=body))

    # ------------------------------------------------------------ models

    def train(self, config: Mapping[str, Any] | None = None) -> Run:
        """Have a worker train a model now. Raises Conflict (`run_in_progress`), NotPossibleNow (`too_few_labels`)."""
        body = {} if config is None else {"config": dict(config)}
        return Run(self._transport, self._transport.json("POST", self._at("runs/"), json=body))

    def runs(self) -> Rows[Run]:
        """Its trainings, newest first."""
        return Rows(self._transport, self._at("runs/"), {}, lambda raw: Run(self._transport, raw))

    # ------------------------------------------------------------ out

    def create_release(
        self,
        name: str = "",
        *,
        labels: str = "consensus",
        splits: Mapping[str, float] | None = None,
        group_by: str | None = None,
        seed: int = 0,
        location: bool = False,
        filter: Mapping[str, Any] | None = None,
    ) -> Release:
        """Freeze the project as its next release: `.wait()` for it, then `.download()`.

        filter: only the images that fit, as `images()` takes it: `{"status": ["settled"]}`.
        """
        body: dict[str, Any] = {"name": name, "labels": labels, "seed": seed, "location": location}
        if splits is not None:
            body["splits"] = dict(splits)
        if group_by is not None:
            body["group_by"] = group_by
        if filter:
            body["filter"] = dict(filter)
        return Release(self._transport, self._transport.json("POST", self._at("releases/"), once=True, json=body))

    def releases(self) -> Rows[Release]:
        """Its releases, newest first."""
        return Rows(self._transport, self._at("releases/"), {}, lambda raw: Release(self._transport, raw))

    # ------------------------------------------------------------ webhooks

    def webhooks(self) -> Rows[Webhook]:
        """Addresses that are told when long work has ended."""
        return Rows(self._transport, self._at("webhooks/"), {}, lambda raw: Webhook(self._transport, raw))

    def create_webhook(self, url: str, events: Sequence[str] | None = None) -> Webhook:
        """Have an address told of these events, or of all. Keep its `secret`: it is shown this once."""
        body: dict[str, Any] = {"url": url, **({} if events is None else {"events": list(events)})}
        return Webhook(self._transport, self._transport.json("POST", self._at("webhooks/"), json=body))


def _to_start(file: Any) -> None:
    file.seek(0)
