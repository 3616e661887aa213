"""The lines of Python for formats that other tools read; those of csv, jsonl and image folders are in snippets.py.

In single-choice projects a table has the column label, else labels, a list. DRAWN is for projects that draw.
"""

from __future__ import annotations

from labeler.pages.export.readings import ALL, FINAL, SHARES

JSON = 'import json\nimages = json.load(open("{name}", encoding="utf-8"))["images"]\n'

JSONL = 'import json\nimages = [json.loads(line) for line in open("{name}", encoding="utf-8")]\n'
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

ANY = {
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
}
MULTI = {
    ("parquet", FINAL): _PARQUET_FINAL + '["labels"]',
    ("parquet", ALL): _PARQUET_ALL + '["labels"]',
    ("huggingface", FINAL): _DATASETS + "labels",
    ("webdataset", FINAL): _WEBDATASET + 'labels"]',
    ("imagefolder", FINAL): "import json   # after: unzip {name}\n"
    + 'rows = [json.loads(line) for line in open("root/metadata.jsonl", encoding="utf-8")]\n'
    + 'final = {{row["file_name"]: row["labels"] for row in rows}}   # [] where people saw none of the classes',
}
DRAWN = {
    ("coco", FINAL): "from pycocotools.coco import COCO\n"
    + 'data = COCO("{name}")\n'
    + "objects = {{image: data.imgToAnns[image] for image in data.imgs}}   # [] where nothing is there",
    ("jsonl", FINAL): JSONL
    + 'objects = {{i["image"]: i["consensus"]["objects"] for i in images}}   # None without an outcome',
    ("jsonl", ALL): JSONL
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
