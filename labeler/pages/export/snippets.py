"""A few lines of Python that load an export, for each format and each way to read labels that differ.

Knows the columns of the formats; tests run every snippet on a real file.
"""

from __future__ import annotations

FINAL, ALL, SHARES = "final", "all", "shares"

_CSV = 'import pandas as pd\nrows = pd.read_csv("{name}", keep_default_na=False)\n'
_JSONL = 'import json\nimages = [json.loads(line) for line in open("{name}", encoding="utf-8")]\n'
_MARKS = 'rows = rows[rows.answer == "labeled"]\nmarks = rows.categories.str.get_dummies("|")\n'

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
    ("csv", FINAL): _CSV
    + 'final = rows.drop_duplicates("image_id").set_index("image_id")\n'
    + "# a vote for none of the classes is as empty as a tie here; JSON Lines tells them apart\n"
    + 'final = final[final.consensus.ne("") | final.consensus_method.eq("decision")]\n'
    + 'final = final.consensus.str.get_dummies("|")',
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
    ("imagefolder", FINAL): "from torchvision.datasets import ImageFolder   # after: unzip {name}\n"
    + 'data = ImageFolder("root")\n'
    + "image, place = data[0]                              # place in data.classes",
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
    + "# a vote for none of the classes is as empty as a tie here; JSON Lines tells them apart\n"
    + 'first = first[by_model | first.consensus.ne("") | first.consensus_method.eq("decision")]\n'
    + 'final = first.consensus.where(~by_model, first.accepted).str.get_dummies("|")',
    ("jsonl", FINAL): _JSONL_ACCEPTED,
}


def code(format_: str, reading: str, *, multi: bool, name: str, accepted: bool = False) -> str | None:
    """Python that loads the file `name`; None where the format cannot be read that way. accepted: it holds those."""
    with_accepted = (_MULTI_ACCEPTED if multi else _SINGLE_ACCEPTED) if accepted else {}
    found = with_accepted.get((format_, reading))
    found = found or (_MULTI if multi else _SINGLE).get((format_, reading)) or _ANY.get((format_, reading))
    return found and found.format(name=name)
