"""A model as a file that leaves: weights, a description of itself, its card, and the lines of code that load it.

Knows the two files that a worker wrote (worker/ml/saved/checkpoint.py) as bytes and JSON; this process loads no torch.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from labeler.errors import NotPossibleNow
from labeler.models import Errand, Project, TrainingRun
from labeler.models.job import State
from labeler.training import drawn_readme, model_card, model_card_text
from labeler.wording.sentences import in_words

WEIGHTS, DESCRIPTION, ONNX = "model.safetensors", "model.json", "model.onnx"
ALL_WEIGHTS = "all_weights.safetensors"  # of a model that draws, also those it left as they were published
IN_MEMORY = 32 * 1024 * 1024
CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Package:
    """A zip that is ready to be read from its beginning."""

    name: str
    file: IO[bytes]
    size: int


def package(run: TrainingRun, *, onnx: Errand | None = None) -> Package:
    """The zip of a trained model; with its ONNX file, where a finished conversion is given.

    Raises NotPossibleNow: not trained to its end, or its files are gone or are not those that were trained.
    """
    card = model_card.card_of(run)
    described, weights = _described(run)
    texts = {
        DESCRIPTION: json.dumps(described, indent=1, ensure_ascii=False),
        "README.md": _readme(run, described, onnx),
        "card.json": json.dumps(card, indent=1, ensure_ascii=False),
        "card.md": model_card_text.markdown(card),
        "card.html": html(card),
    }
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  (whoever sends it closes it)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
        # Weights hardly get smaller, and take seconds to try.
        _add(archive, WEIGHTS, weights, described["sha256"], run)
        if onnx is not None:
            for name, file_of in ((ONNX, onnx.answer), (ALL_WEIGHTS, onnx.answer.get("weights"))):
                if file_of:
                    _add(archive, name, Path(settings.MODELS_DIR) / file_of["file"], file_of["sha256"], run)
    size = file.tell()
    file.seek(0)
    safe = re.sub(r"[^A-Za-z0-9]+", "-", run.project.name).strip("-").lower()[:60] or "project"
    return Package(f"{safe}-model-{run.number}.zip", file, size)


def html(card: dict[str, Any]) -> str:
    """The card as a page of its own, which prints."""
    parts = {"title": model_card_text.title_of(card), "sections": model_card_text.sections(card)}
    return render_to_string("model/card_file.html", parts)


def conversion_of(errand: Errand) -> Errand | None:
    """The conversion when it is finished and its file is there; None while it is made. Raises NotPossibleNow."""
    if errand.state == State.DONE:
        return errand
    if errand.is_finished:
        raise NotPossibleNow((errand.error or {}).get("message") or _("The ONNX file could not be made."))
    return None


def _described(run: TrainingRun) -> tuple[dict[str, Any], Path]:
    """The model's description with the names of the package, thresholds and versions; and where its weights lie."""
    path = Path(settings.MODELS_DIR) / run.checkpoint
    try:
        described = json.loads(path.read_bytes())
        weights = path.parent / Path(described["weights"]).name
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _gone(run) from error
    if described.get("sha256") != run.checkpoint_sha256 or described.get("self_sha256") != _own_checksum(described):
        raise _gone(run)
    metrics = in_words(run.metrics or {})
    described |= {
        "weights": WEIGHTS,
        "thresholds": _thresholds(described) if run.project.draws else metrics.get("acceptance") or [],
        "versions": (metrics.get("provenance") or {}).get("versions") or {},
    }
    described["self_sha256"] = _own_checksum(described)
    return described, weights


def _thresholds(described: dict[str, Any]) -> list[dict[str, Any]]:
    """From which probability on an object of each class is shown; 0 where every pixel has a class."""
    shown_from = described["recipe"].get("shown_from") or []
    return [
        {"category": one["name"], "shown_from": p} for one, p in zip(described["categories"], shown_from, strict=False)
    ]


def _own_checksum(described: dict[str, Any]) -> str:
    """As worker/ml/saved/checkpoint.py writes it."""
    rest = {key: value for key, value in described.items() if key != "self_sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, allow_nan=False).encode()).hexdigest()


def _add(archive: zipfile.ZipFile, name: str, path: Path, sha256: str, run: TrainingRun) -> None:
    digest = hashlib.sha256()
    entry = zipfile.ZipInfo(name, (run.finished_at or run.created_at).timetuple()[:6])
    try:
        with path.open("rb") as source, archive.open(entry, "w") as target:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                target.write(chunk)
    except OSError as error:
        raise _gone(run) from error
    if digest.hexdigest() != sha256:
        raise _gone(run)


def _gone(run: TrainingRun) -> NotPossibleNow:
    return NotPossibleNow(
        _("The files of model %(n)s are missing or damaged on the server, so they cannot be sent.") % {"n": run.number}
    )


# ---------------------------------------------------------------- how to load it


def _readme(run: TrainingRun, described: dict[str, Any], onnx: Errand | None) -> str:
    card = f"# {run.project.name}, model {run.number}\n\nWhat it is and what it must not be trusted with: card.md.\n"
    files = (
        "\n`model.json` describes the model: classes in the order of the outputs, preprocessing, temperature,\n"
        "thresholds, versions, checksums. `model.safetensors` holds what was trained. The rest of the network is the\n"
        f"published {described['backbone']} (SHA-256 of its weights: `backbone_sha256`).\n"
    )
    if run.project.draws:
        return card + files + drawn_readme.code(run, described["recipe"]["canvas"], onnx)
    with_onnx = "" if onnx is None else WITH_ONNX.format(side=onnx.answer["side"], **onnx.answer["equality"])
    return card + files + WITH_LABELER + with_onnx


WITH_LABELER = """
## With Labeler's code

In a checkout of Labeler, with this folder's files beside it:

```python
from pathlib import Path

import torch
from worker.ml.saved import predict

model = predict.load_model(Path("model.json"), torch.device("cpu"))  # every checksum is verified
found = predict.predict(model, sources=["photo.jpg"])  # (images, classes), temperature applied
for name, p in zip([c["name"] for c in model.categories], found[0]):
    print(f"{p:.3f} {name}")
```
"""

WITH_ONNX = """
## With ONNX Runtime alone

`pip install onnxruntime pillow`. One graph from pixels to probabilities. Compared with PyTorch on {images} images of
the project: probabilities differ by {largest_difference:.1e} at most (refused above {tolerance:g}).

```python
import json

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

image = ImageOps.exif_transpose(Image.open("photo.jpg")).convert("RGB")
side, (x, y) = min(image.size), ((image.width - min(image.size)) / 2, (image.height - min(image.size)) / 2)
square = image.resize(({side}, {side}), Image.Resampling.BILINEAR, box=(x, y, x + side, y + side), reducing_gap=2.0)
(found,) = onnxruntime.InferenceSession("model.onnx").run(None, {{"pixels": np.asarray(square)[None]}})
for category, p in zip(json.load(open("model.json"))["categories"], found[0]):
    print(f"{{p:.3f}} {{category['name']}}")
```
"""


def forget(project: Project) -> None:
    """Delete everything that workers wrote of a project that is deleted for good: models, indexes, kept folds."""
    shutil.rmtree(Path(settings.MODELS_DIR) / f"project-{project.pk}", ignore_errors=True)
