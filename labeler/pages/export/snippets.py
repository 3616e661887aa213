"""A few lines of Python that load an export, for each format and each way to read labels that differ.

Knows the columns of the formats; tests run every snippet on a real file. In single-choice projects a table has the
column label, else labels, a list.
"""

from __future__ import annotations

from labeler.releases import data_set

# The ways to read labels that the export page offers, and what REST calls them.
FINAL, ALL, SHARES = "final", "all", "shares"
LABELS = {FINAL: data_set.CONSENSUS, ALL: data_set.ALL, SHARES: data_set.SOFT}

_CSV = 'import pandas as pd\nrows = pd.read_csv("{name}", keep_default_na=False)\n'
_DUMMIES = '.str.get_dummies("|").drop(columns="", errors="ignore")'
_MARKS = f'rows = rows[rows.answer == "labeled"]\nmarks = rows.categories{_DUMMIES}\n'
_JSON = 'import json\nimages = json.load(open("{name}", encoding="utf-8"))["images"]\n'
_JSONL = 'import json\nimages = [json.loads(line) for line in open("{name}", encoding="utf-8")]\n'
_PARQUET = 'import pandas as pd\nrows = pd.read_parquet("{name}")\n'
_PARQUET_FINAL = _PARQUET + 'final = rows[rows.state.isin(["labeled", "none"])].set_index("image_id")'
_PARQUET_ALL = _PARQUET + 'votes = rows[rows.answer == "labeled"].set_index(["image_id", "annotator"])'
_LABELS_CSV = (
    'import pandas as pd\nrows = pd.read_csv("{name}", keep_default_na=False)\nrows = rows[rows.answer == "labeled"]\n'
)
_DATASETS = (
    "from datasets import load_dataset   # after: unzip {name} -d data_set\n"
    'data = load_dataset("data_set")\nfirst = data["train"][0]   # image, '
)
_WEBDATASET = (
    "import webdataset as wds   # after: unzip {name}\n"
    'data = wds.WebDataset("shards/train-000000.tar", shardshuffle=False).decode("pil")\n'
    'sample = next(iter(data))   # the picture by its extension, sample["json"]["'
)
_TASKS = 'import json   # after: unzip {name}\ntasks = json.load(open("tasks.json", encoding="utf-8"))\n'
_CROISSANT = (
    "import mlcroissant   # after: unzip {name}\n"
    'rows = list(mlcroissant.Dataset(jsonld="croissant.json").records("records"))'
)

_SINGLE = {
    ("csv", FINAL): _CSV
    + 'final = rows.drop_duplicates("image_id").set_index("image_id")["consensus"]\nfinal = final[final != ""]',
    ("csv", ALL): _CSV
    + 'rows = rows[rows.answer == "labeled"]\n'
    + 'votes = rows.groupby(["image_id", "annotator"])["categories"].last().unstack()',
    ("csv", SHARES): _CSV
    + 'rows = rows[rows.answer == "labeled"]\n'
    + 'shares = pd.crosstab(rows.image_id, rows.categories, normalize="index")',
}
_MULTI = {
    ("parquet", FINAL): _PARQUET_FINAL + '["labels"]',
    ("parquet", ALL): _PARQUET_ALL + '["labels"]',
    ("huggingface", FINAL): _DATASETS + "labels",
    ("webdataset", FINAL): _WEBDATASET + 'labels"]',
    ("imagefolder", FINAL): "import json   # after: unzip {name}\n"
    + 'rows = [json.loads(line) for line in open("root/metadata.jsonl", encoding="utf-8")]\n'
    + 'final = {{row["file_name"]: row["labels"] for row in rows}}   # [] where people saw none of the classes',
    ("csv", FINAL): _CSV
    + 'final = rows.drop_duplicates("image_id").set_index("image_id")\n'
    + 'final = final[final.state.isin(["labeled", "none"])]  # none: people saw none of the classes\n'
    + f"final = final.consensus{_DUMMIES}",
    ("csv", ALL): _CSV + _MARKS + "votes = marks.set_index([rows.image_id, rows.annotator])",
    ("csv", SHARES): _CSV + _MARKS + "shares = marks.groupby(rows.image_id).mean()",
}
_ANY = {
    ("jsonl", FINAL): _JSONL
    + 'final = {{i["image"]: i["consensus"]["categories"] for i in images}}\n'
    + "final = {{image: names for image, names in final.items() if names is not None}}",
    ("jsonl", ALL): _JSONL
    + 'votes = {{i["image"]: {{a["annotator"]: a["categories"] for a in i["labels"] if a["answer"] == "labeled"}}\n'
    + "         for i in images}}",
    ("jsonl", SHARES): "from collections import Counter\n"
    + _JSONL
    + "shares = {{}}\n"
    + "for i in images:\n"
    + '    answers = [a["categories"] for a in i["labels"] if a["answer"] == "labeled"]\n'
    + "    counted = Counter(name for names in answers for name in names)\n"
    + '    shares[i["image"]] = {{name: n / len(answers) for name, n in counted.items()}}',
    ("parquet", FINAL): _PARQUET_FINAL + '["label"]',
    ("parquet", ALL): _PARQUET_ALL + '["label"]',
    ("parquet", SHARES): _PARQUET + 'shares = rows.set_index("image_id").filter(like="share.")',
    ("labels-csv", FINAL): _LABELS_CSV + 'final = rows.set_index("file_name")["label"]',
    ("labels-csv", ALL): _LABELS_CSV + 'votes = rows.set_index(["file_name", "annotator"])["label"]',
    ("huggingface", FINAL): _DATASETS + "label",
    ("huggingface", ALL): _DATASETS + "annotations",
    ("huggingface", SHARES): _DATASETS + "shares",
    ("webdataset", FINAL): _WEBDATASET + 'label"], sample["cls"]',
    ("webdataset", ALL): _WEBDATASET + 'annotations"]',
    ("webdataset", SHARES): _WEBDATASET + 'shares"]',
    ("yolo", FINAL): "from ultralytics import YOLO   # after: unzip {name} -d data_set\n"
    + 'YOLO("yolo11n-cls.pt").train(data="data_set")   # of a release with splits: it wants a val',
    ("labelstudio", FINAL): _TASKS
    + 'final = {{t["data"]["image_id"]: [name for a in t["annotations"] for r in a["result"]\n'
    + '                                  for name in r["value"]["choices"]]\n'
    + '         for t in tasks if t["data"]["state"] in ("labeled", "none") and t["annotations"]}}',
    ("labelstudio", ALL): _TASKS
    + 'votes = {{(t["data"]["image_id"], a["annotator"]): [n for r in a["result"] for n in r["value"]["choices"]]\n'
    + '         for t in tasks for a in t["annotations"] if not a["was_cancelled"]}}',
    ("cvat", FINAL): "from xml.etree import ElementTree   # after: unzip {name}\n"
    + 'root = ElementTree.parse("annotations.xml").getroot()\n'
    + 'final = {{i.get("name"): [tag.get("label") for tag in i.iter("tag")] for i in root.iter("image")}}',
    ("croissant", FINAL): _CROISSANT,
    ("croissant", ALL): _CROISSANT,
    ("croissant", SHARES): _CROISSANT,
    ("imagefolder", FINAL): "from torchvision.datasets import ImageFolder   # after: unzip {name}\n"
    + 'data = ImageFolder("root")\n'
    + "image, place = data[0]                              # place in data.classes",
}
# Where people draw.
_DRAWN = {
    ("coco", FINAL): "from pycocotools.coco import COCO\n"
    + 'data = COCO("{name}")\n'
    + "objects = {{image: data.imgToAnns[image] for image in data.imgs}}   # [] where nothing is there",
    ("jsonl", FINAL): _JSONL
    + 'objects = {{i["image"]: i["consensus"]["objects"] for i in images}}   # None without an outcome',
    ("jsonl", ALL): _JSONL
    + 'votes = {{(i["image"], a["annotator"]): a["objects"] for i in images for a in i["labels"] if "objects" in a}}',
    ("huggingface", FINAL): _DATASETS + 'objects: {{"bbox", "categories", "details"}}',
    ("huggingface", ALL): _DATASETS + "annotations, each with its objects",
    ("webdataset", FINAL): _WEBDATASET + 'objects"]',
    ("webdataset", ALL): _WEBDATASET + 'annotations"]',
    ("imagefolder", FINAL): "from datasets import load_dataset   # after: unzip {name}\n"
    + 'data = load_dataset("imagefolder", data_dir="root")\n'
    + 'first = data["train"][0]   # image, objects: {{"bbox", "categories", "details"}}',
    ("yolo", FINAL): "from ultralytics import YOLO   # after: unzip {name} -d data_set\n"
    + 'YOLO("yolo11n.pt").train(data="data_set/data.yaml")   # of a release with splits: it wants a val',
    ("geojson", FINAL): "import json\n" + 'features = json.load(open("{name}", encoding="utf-8"))["features"]',
    ("croissant", FINAL): _CROISSANT,
    ("croissant", ALL): _CROISSANT,
}

# What people settled on, and where nobody has judged an image, what the model's word stands for.
_JSONL_ACCEPTED = (
    _JSONL
    + 'outcomes = {{i["image"]: (i["accepted"] or i["consensus"])["categories"] for i in images}}\n'
    + "final = {{image: names for image, names in outcomes.items() if names is not None}}\n"
    + 'by_model = {{i["image"] for i in images if i["source"] == "model"}}'
)
_SINGLE_ACCEPTED = {
    ("csv", FINAL): _CSV
    + 'first = rows.drop_duplicates("image_id").set_index("image_id")\n'
    + 'final = first["consensus"].where(first["consensus"] != "", first["accepted"])\n'
    + 'final = final[final != ""]\nby_model = first["source"] == "model"',
    ("jsonl", FINAL): _JSONL_ACCEPTED,
}
_MULTI_ACCEPTED = {
    ("csv", FINAL): _CSV
    + 'first = rows.drop_duplicates("image_id").set_index("image_id")\nby_model = first.source.eq("model")\n'
    + 'first = first[first.state.isin(["labeled", "none"])]  # none: none of the classes\n'
    + f"final = first.consensus.where(~by_model, first.accepted){_DUMMIES}",
    ("jsonl", FINAL): _JSONL_ACCEPTED,
}


def code(
    format_: str, reading: str, *, multi: bool, name: str, accepted: bool = False, draws: bool = False
) -> str | None:
    """Python that loads the file `name`; None where the format cannot be read that way. accepted: it holds those."""
    if draws and format_ != "json":
        objects = _DRAWN.get((format_, reading))
        return objects and objects.format(name=name)
    with_accepted = (_MULTI_ACCEPTED if multi else _SINGLE_ACCEPTED) if accepted else {}
    found = with_accepted.get((format_, reading))
    if found is None and format_ == "json":
        # Its images are the lines of JSON Lines; the rest of the code is the same.
        lines = code("jsonl", reading, multi=multi, name=name, accepted=accepted, draws=draws)
        return lines and lines.replace(_JSONL.format(name=name), _JSON.format(name=name))
    found = found or (_MULTI if multi else _SINGLE).get((format_, reading)) or _ANY.get((format_, reading))
    return found and found.format(name=name)
