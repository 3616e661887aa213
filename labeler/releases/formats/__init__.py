"""One module per format: write(data), which yields the file in pieces, and check(data), which raises NotPossibleNow,
where not every data set can be written.

Each says FILE, the media type and the extension of what it writes, and WITH_IMAGES, where that is another kind of file
with pictures; TITLE and TEXT for pages; READINGS, what it can say of an image, and IMAGES, whether it can be with
pictures, without, or both: of both the first is what it is unasked. All know a DataSet and nothing of projects.
"""

from __future__ import annotations

from types import ModuleType

from labeler.releases.formats import (
    coco,
    croissant,
    csv_table,
    cvat,
    datacard,
    geojson,
    huggingface,
    imagefolder,
    json_document,
    json_lines,
    labels_csv,
    labelstudio,
    mask_images,
    parquet_table,
    voc,
    webdataset,
    yolo,
)

WRITERS: dict[str, ModuleType] = {
    "csv": csv_table,
    "jsonl": json_lines,
    "imagefolder": imagefolder,
    "huggingface": huggingface,
    "parquet": parquet_table,
    "labels-csv": labels_csv,
    "json": json_document,
    "webdataset": webdataset,
    "yolo": yolo,
    "labelstudio": labelstudio,
    "cvat": cvat,
    "coco": coco,
    "voc": voc,
    "masks": mask_images,
    "geojson": geojson,
    "croissant": croissant,
    "datacard": datacard,
}
ONLY_OBJECTS = ("coco", "voc", "masks", "geojson")  # nothing but drawn objects
# Of drawn objects, too: all but the table of classes that comes back in.
OF_OBJECTS = frozenset(WRITERS) - {"labels-csv"}
