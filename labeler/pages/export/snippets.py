"""A few lines of Python that load an export, for each format and each way to read labels that differ.

Knows the columns of the formats; tests run every snippet on a real file.
"""

from __future__ import annotations

from labeler.pages.export import more_snippets
from labeler.pages.export.more_snippets import JSONL
from labeler.pages.export.readings import ALL, FINAL, SHARES

__all__ = ["ALL", "FINAL", "SHARES", "code"]

_CSV = 'import pandas as pd\nrows = pd.read_csv("{name}", keep_default_na=False)\n'
_DUMMIES = '.str.get_dummies("|").drop(columns="", errors="ignore")'
_MARKS = f'rows = rows[rows.answer == "labeled"]\nmarks = rows.categories{_DUMMIES}\n'

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
    **more_snippets.MULTI,
    ("csv", FINAL): _CSV
    + 'final = rows.drop_duplicates("image_id").set_index("image_id")\n'
    + 'final = final[final.state.isin(["labeled", "none"])]  # none: people saw none of the classes\n'
    + f"final = final.consensus{_DUMMIES}",
    ("csv", ALL): _CSV + _MARKS + "votes = marks.set_index([rows.image_id, rows.annotator])",
    ("csv", SHARES): _CSV + _MARKS + "shares = marks.groupby(rows.image_id).mean()",
}
_ANY = {
    ("jsonl", FINAL): JSONL
    + 'final = {{i["image"]: i["consensus"]["categories"] for i in images}}\n'
    + "final = {{image: names for image, names in final.items() if names is not None}}",
    ("jsonl", ALL): JSONL
    + 'votes = {{i["image"]: {{a["annotator"]: a["categories"] for a in i["labels"] if a["answer"] == "labeled"}}\n'
    + "         for i in images}}",
    ("jsonl", SHARES): "from collections import Counter\n"
    + JSONL
    + "shares = {{}}\n"
    + "for i in images:\n"
    + '    answers = [a["categories"] for a in i["labels"] if a["answer"] == "labeled"]\n'
    + "    counted = Counter(name for names in answers for name in names)\n"
    + '    shares[i["image"]] = {{name: n / len(answers) for name, n in counted.items()}}',
    **more_snippets.ANY,
    ("imagefolder", FINAL): "from torchvision.datasets import ImageFolder   # after: unzip {name}\n"
    + 'data = ImageFolder("root")\n'
    + "image, place = data[0]                              # place in data.classes",
}


# What people settled on, and where nobody has judged an image, what the model's word stands for.
_JSONL_ACCEPTED = (
    JSONL
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
        objects = more_snippets.DRAWN.get((format_, reading))
        return objects and objects.format(name=name)
    with_accepted = (_MULTI_ACCEPTED if multi else _SINGLE_ACCEPTED) if accepted else {}
    found = with_accepted.get((format_, reading))
    if found is None and format_ == "json":
        # Its images are the lines of JSON Lines; the rest of the code is the same.
        lines = code("jsonl", reading, multi=multi, name=name, accepted=accepted, draws=draws)
        return lines and lines.replace(JSONL.format(name=name), more_snippets.JSON.format(name=name))
    found = found or (_MULTI if multi else _SINGLE).get((format_, reading)) or _ANY.get((format_, reading))
    return found and found.format(name=name)
