"""What Hugging Face's `datasets` must be told of the columns: in the Parquet schema, and in the README's front matter.

Both forms say the same; the first is read by every reader of Parquet that knows it, the second by load_dataset.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labeler.releases.data_set import ALL, SOFT, DataSet

if TYPE_CHECKING:
    import pyarrow as pa


TASKS = {
    "boxes": ["object-detection"], "polygons": ["object-detection", "image-segmentation"],
    "masks": ["object-detection", "image-segmentation"], "semantic": ["image-segmentation"],
}  # fmt: skip


def columns(data: DataSet) -> dict[str, Any]:
    """Each column's kind: "image", "class", ["class"] for a list of them, {...} for one with members, or a dtype."""
    named: dict[str, Any] = {"labels": ["class"]} if data.is_multi else {"label": "class"}
    if data.draws:
        named = {"objects": {"bbox": [["float64"]], "categories": ["class"], "details": ["string"]}}
    found: dict[str, Any] = {} if data.wanted.images is False else {"image": "image"}
    found |= {"image_id": "int64", "file_name": "string", "sha256": "string"} | named
    if data.wanted.labels == ALL:
        found["annotations"] = [{"annotator": "string", "answer": "string"} | named]
    elif data.wanted.labels == SOFT:
        found["shares"] = ["float32"]
    text = {"state": "string", "source": "string", "model": "int32", "confidence": "float64", "metadata": "string"}
    return found | text


def schema(data: DataSet) -> pa.Schema:
    """With the features in its metadata, as `datasets` writes it."""
    import pyarrow as pa

    known = columns(data)
    info = {"info": {"features": {name: _feature(kind, data) for name, kind in known.items()}}}
    fields = [(name, _arrow(kind)) for name, kind in known.items()]
    return pa.schema(fields, metadata={"huggingface": json.dumps(info, ensure_ascii=False)})


def _arrow(kind: Any) -> Any:
    import pyarrow as pa

    if isinstance(kind, list):
        return pa.list_(_arrow(kind[0]))
    if isinstance(kind, dict):
        return pa.struct([(name, _arrow(inner)) for name, inner in kind.items()])
    if kind == "image":
        return pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    return pa.type_for_alias("int64" if kind == "class" else kind)


def _feature(kind: Any, data: DataSet) -> Any:
    if isinstance(kind, list):
        # A list of objects is a list in JSON; "Sequence" of values is what old and new readers understand.
        inner = _feature(kind[0], data)
        return [inner] if isinstance(kind[0], dict) else {"feature": inner, "length": -1, "_type": "Sequence"}
    if isinstance(kind, dict):
        return {name: _feature(inner, data) for name, inner in kind.items()}
    if kind == "image":
        return {"_type": "Image"}
    if kind == "class":
        return {"names": [one.name for one in data.classes], "_type": "ClassLabel"}
    return {"dtype": kind, "_type": "Value"}


def front_matter(data: DataSet, counts: Mapping[str, int]) -> str:
    """The YAML at the head of README.md. counts: rows by split. JSON is YAML, so names need no quoting of their own."""
    facts = {
        "pretty_name": data.title,
        "task_categories": ["image-classification"] if not data.draws else TASKS[data.task],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": f"data/{split}-*.parquet"} for split in counts],
            }
        ],
        "dataset_info": {
            "features": [_yaml(name, kind, data) for name, kind in columns(data).items()],
            "splits": [{"name": split, "num_examples": n} for split, n in counts.items()],
        },
    }
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in facts.items()]
    return "\n".join(["---", *lines, "---", ""])


def _yaml(name: str, kind: Any, data: DataSet) -> dict[str, Any]:
    return {"name": name} | _yaml_kind(kind, data)


def _yaml_kind(kind: Any, data: DataSet) -> dict[str, Any]:
    if isinstance(kind, list):
        inner = kind[0]
        if isinstance(inner, dict):
            return {"list": [_yaml(name, one, data) for name, one in inner.items()]}
        told = _yaml_kind(inner, data)
        return {"sequence": told if isinstance(inner, list) else told["dtype"]}
    if isinstance(kind, dict):
        return {"struct": [_yaml(name, one, data) for name, one in kind.items()]}
    if kind == "class":
        names = {str(place): one.name for place, one in enumerate(data.classes)}
        return {"dtype": {"class_label": {"names": names}}}
    return {"dtype": kind}
