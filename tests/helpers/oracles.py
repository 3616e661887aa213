"""Average precision by the programs that everybody quotes: pycocotools, and hotcoco, written independently of it."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hotcoco import COCO as HotCOCO
from hotcoco import COCOeval as HotCOCOeval
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def coco_files(truth: list[Any], detections: list[Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """truth: (image, category, box[, crowd[, area]]); detections: (image, category, box, score); boxes by edges."""
    images = sorted({int(row[0]) for row in [*truth, *detections]})
    classes = sorted({int(row[1]) for row in [*truth, *detections]})
    annotations = [
        {
            "id": number,
            "image_id": int(row[0]),
            "category_id": int(row[1]),
            "bbox": _sides(row[2]),
            "area": float(row[4]) if len(row) > 4 else _sides(row[2])[2] * _sides(row[2])[3],
            "iscrowd": int(row[3]) if len(row) > 3 else 0,
        }
        for number, row in enumerate(truth, 1)
    ]
    whole = {
        "info": {},
        "images": [{"id": image, "width": 2000, "height": 2000, "file_name": f"{image}.jpg"} for image in images],
        "categories": [{"id": k, "name": str(k)} for k in classes],
        "annotations": annotations,
    }
    found = [
        {"image_id": int(image), "category_id": int(k), "bbox": _sides(box), "score": float(score)}
        for image, k, box, score in detections
    ]
    return whole, found


def _sides(box: Any) -> list[float]:
    left, top, right, bottom = (float(edge) for edge in box)
    return [left, top, right - left, bottom - top]


def evaluated(truth: dict[str, Any], detections: list[dict[str, Any]], ious: list[float] | None = None) -> list[Any]:
    """Both programs' evaluations, accumulated: COCO files in, `eval` and `stats` out."""
    found = []
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        path = Path(folder) / "truth.json"
        path.write_text(json.dumps(truth))
        for coco, evaluator in ((COCO, COCOeval), (HotCOCO, HotCOCOeval)):
            known = coco(str(path))
            run = evaluator(known, known.loadRes(detections), "bbox")
            if ious is not None:
                run.params.iouThrs = np.array(ious) if coco is COCO else list(ious)
            run.evaluate()
            run.accumulate()
            found.append(run)
    return found


def precision_of(run: Any) -> Any:
    """Precision, shape (IoU, recall, class, area, detections), -1 where undefined."""
    return np.asarray(run.eval["precision"])


def coco_ap(truth: list[Any], detections: list[Any], ious: list[float]) -> float:
    """AP at these IoU by both, which must agree: all areas, 100 detections."""
    found = []
    for run in evaluated(*coco_files(truth, detections), ious):
        precision = precision_of(run)[:, :, :, 0, -1]
        found.append(precision[precision > -1].mean())
    assert found[0] == pytest.approx(found[1], abs=1e-6)
    return float(found[0])
