"""What a model that draws says of a picture, as REST, the command line and the page tell it; and as a COCO file.

Knows stored objects and classes by their names of today. What a model computes is worker/inference/drawn_models.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from labeler.geometry import codes, overlaps
from labeler.geometry.shapes import bounds_of
from labeler.labeling.objects import shape_of


def told(drawn: Iterable[Mapping[str, Any]], names: Mapping[int, str]) -> list[dict[str, Any]]:
    """Objects as Prediction.drawn has them, with the names of their classes; a class that is gone is #id.

    [{number, category, category_id, box | polygon | mask, probability, shown}]; probability is None where another
    program gave none.
    """
    return [
        {
            "number": one["number"], "category": names.get(one["category"], f"#{one['category']}"),
            "category_id": one["category"], **shape_of(one),
            "probability": one.get("probability"), "shown": one.get("shown", True),
        }
        for one in drawn
    ]  # fmt: skip


def coco(
    images: Iterable[Mapping[str, Any]], classes: Mapping[int, str], *, title: str, shown_only: bool = False
) -> dict[str, Any]:
    """Predictions as one COCO document: `annotations` alone is what pycocotools' loadRes takes.

    images: {"name", "width", "height", "objects"}, sides in px of the upright image, objects as Prediction.drawn has
    them. classes: names by id. shown_only: without objects below the threshold of their class.

    An annotation has `bbox` (x, y, width, height), `area` in square px, `score` from 0 to 1, and beside the standard
    `shown`. `segmentation` is [] where boxes are drawn, rings of an outline without holes, else a compressed run-length
    code of the whole image: of semantic classes one for each class of an image. Images and annotations are numbered
    from 1.
    """
    listed: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image in images:
        width, height = int(image["width"]), int(image["height"])
        listed.append({"id": len(listed) + 1, "file_name": image["name"], "width": width, "height": height})
        for one in image["objects"]:
            if shown_only and not one["shown"]:
                continue
            shape = shape_of(one)
            bounds = bounds_of(shape)
            annotations.append({
                "id": len(annotations) + 1, "image_id": len(listed), "category_id": one["category"],
                "bbox": shape.get("box") or [bounds.x0, bounds.y0, bounds.x1 - bounds.x0, bounds.y1 - bounds.y0],
                "area": float(overlaps.areas([shape], width=width, height=height)[0]),
                "segmentation": codes.to_coco(shape, width, height), "iscrowd": 0, "score": one["probability"],
                "shown": one["shown"],
            })  # fmt: skip
    return {
        "info": {"description": title}, "licenses": [], "images": listed, "annotations": annotations,
        "categories": [{"id": pk, "name": name, "supercategory": ""} for pk, name in classes.items()],
    }  # fmt: skip
