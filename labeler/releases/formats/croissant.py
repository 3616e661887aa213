"""Croissant: a zip with labels.csv, the flat table, and croissant.json, which describes it to machines (MLCommons 1.0).

`mlcroissant` validates it and reads its records. state keeps verified none, cannot_tell, tie, undecidable and unlabeled
apart; source is model where an image stands by a model's word alone. Pictures are not in it: sha256 names them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext_lazy

from labeler.intake.formats.cells import csv_chunks
from labeler.releases.data_set import ALL, CONSENSUS, SOFT, DataSet
from labeler.releases.formats import flat_table
from labeler.releases.formats.archives import ZipOut

FILE = ("application/zip", "zip")
TITLE = gettext_lazy("Croissant")
TEXT = gettext_lazy("A table and its description for machines, by which data sets are found and loaded.")
IMAGES = (False,)
READINGS = (CONSENSUS, ALL, SOFT)
TABLE = "labels.csv"
_TYPES = {"image_id": "sc:Integer", "width": "sc:Integer", "height": "sc:Integer", "n_votes": "sc:Integer"}
_CONTEXT = {
    "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs", "column": "cr:column",
    "conformsTo": "dct:conformsTo", "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"}, "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty", "samplingRate": "cr:samplingRate",
    "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract", "field": "cr:field",
    "fileObject": "cr:fileObject", "fileProperty": "cr:fileProperty", "fileSet": "cr:fileSet", "format": "cr:format",
    "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath", "key": "cr:key",
    "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path", "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet", "references": "cr:references", "regex": "cr:regex", "repeated": "cr:repeated",
    "replace": "cr:replace", "sc": "https://schema.org/", "separator": "cr:separator", "source": "cr:source",
    "subField": "cr:subField", "transform": "cr:transform",
}  # fmt: skip


def write(data: DataSet) -> Iterator[bytes]:
    """The zip, in pieces. The description comes last: it says the table's hash."""
    archive = ZipOut()
    digest, size = hashlib.sha256(), 0
    rows = (row for contents in data.rows() for row in flat_table.rows(contents, data, joined=True))

    def table() -> Iterator[bytes]:
        nonlocal size
        for piece in csv_chunks(flat_table.columns(data), rows):
            digest.update(piece)
            size += len(piece)
            yield piece

    yield from archive.add_pieces(TABLE, table())
    described = description(data, digest.hexdigest(), size)
    yield from archive.add("croissant.json", json.dumps(described, ensure_ascii=False, indent=2))
    yield from archive.end()


def description(data: DataSet, sha256: str, n_bytes: int) -> dict[str, Any]:
    """The JSON-LD of a data set whose table has this hash and size."""
    release = data.release or {}
    answers = release.get("card") or {}
    about: dict[str, Any] = {
        "@context": _CONTEXT, "@type": "sc:Dataset", "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": re.sub(r"[^A-Za-z0-9_-]+", "-", data.file_name), "alternateName": data.title,
        "description": answers.get("purpose") or data.question or data.title,
        "version": f"{release.get('number', 0)}.0.0",
        "distribution": [
            {
                "@type": "cr:FileObject", "@id": TABLE, "name": TABLE, "contentUrl": TABLE,
                "encodingFormat": "text/csv",
                "contentSize": f"{n_bytes} B", "sha256": sha256,
            }
        ],
        "recordSet": [_classes(data), _records(data)],
    }  # fmt: skip
    for key, value in (
        ("datePublished", release.get("frozen_at")), ("license", answers.get("license")),
        ("creator", release.get("by") and {"@type": "sc:Person", "name": release["by"]}),
    ):  # fmt: skip
        if value:
            about[key] = value
    if release.get("checksum"):
        about["citeAs"] = f"{data.title}, release {release.get('number')}, SHA-256 {release['checksum']}"
    return about


def _classes(data: DataSet) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet", "@id": "classes", "name": "classes", "dataType": "sc:Enumeration",
        "key": {"@id": "classes/name"},
        "field": [
            {"@type": "cr:Field", "@id": f"classes/{name}", "name": name, "dataType": "sc:Text"}
            for name in ("name", "description")
        ],
        "data": [{"classes/name": one.name, "classes/description": one.description} for one in data.classes],
    }  # fmt: skip


def _records(data: DataSet) -> dict[str, Any]:
    fields = []
    for place, column in enumerate(flat_table.columns(data)):
        is_share = column.startswith(flat_table.SHARE)
        # Names of classes may hold what an @id must not.
        name = f"share_{place}" if is_share else column
        fields.append(
            {
                "@type": "cr:Field", "@id": f"records/{name}", "name": name, "description": column,
                "dataType": _TYPES.get(column, "sc:Text"),
                "source": {"fileObject": {"@id": TABLE}, "extract": {"column": column}},
            }
        )  # fmt: skip
    return {"@type": "cr:RecordSet", "@id": "records", "name": "records", "field": fields}
