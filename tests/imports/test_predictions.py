"""Predictions in a file become those of an outside model: shown to people, never anybody's answer."""

from __future__ import annotations

import json

import pytest

from labeler.imports import batches
from labeler.imports.predictions import Predictions
from labeler.models import Image, Label, Prediction, TrainingRun
from tests.helpers.factories import make_project
from tests.helpers.importing import bring_in, pictures, reasons, task, zipped

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"


def stored() -> dict[str, tuple[str, list[str], list[float] | None]]:
    """By image: whose prediction, which classes, and the probabilities that were given."""
    found = {}
    for one in Prediction.objects.select_related("run", "image"):
        names = dict(zip(one.run.category_ids, one.run.category_names, strict=True))
        given = None if one.margin is None else [round(p, 3) for p in one.probabilities]
        found[one.image.name] = (f"{one.run.outside_name} {one.run.outside_version}".strip(),
                                 [names[pk] for pk in one.categories], given)  # fmt: skip
    return found


def manifest(tmp_path, table: str, *names: str):
    return zipped(tmp_path / "m.zip", {"manifest.csv": table, **pictures(*names)})


def test_label_studio_brings_the_predictions_of_its_models_once(project, lena, tmp_path):
    tasks = [task("a.jpg", predicted=("cat", 0.9)), task("b.jpg", "dog", predicted=("dog", 0.75))]
    path = zipped(tmp_path / "ls.zip", {"export.json": tasks, **pictures("a.jpg", "b.jpg")})

    result = bring_in(project, lena, path, labels_as={"source": "before"})
    again = bring_in(project, lena, path, labels_as={"source": "before"})

    assert (result["predictions_added"], result["labels_added"], again["predictions_added"]) == (2, 1, 0)
    (run,) = TrainingRun.objects.all()
    assert (run.is_active, run.category_names) == (False, ["cat", "dog", "fox"])
    assert stored() == {  # what is said of one class alone leaves the rest to the others alike
        "a.jpg": ("labelstudio resnet50-v3", ["cat"], [0.9, 0.05, 0.05]),
        "b.jpg": ("labelstudio resnet50-v3", ["dog"], [0.125, 0.75, 0.125]),
    }
    assert Label.objects.count() == 1


def test_a_manifest_names_models_and_probabilities_and_each_bad_row_is_refused(project, lena, tmp_path):
    both = json.dumps({"cat": 0.2, "dog": 0.8}).replace('"', '""')
    table = (
        "file_name,prediction,probability,probabilities,model\n"
        f'a.jpg,dog,,"{both}",eff\n'
        "b.jpg,cat,0.3,,eff\n"  # another class would be likelier: a score
        "c.jpg,cat,,,other\n"
        "d.jpg,horse,0.9,,eff\n"
    )
    result = bring_in(project, lena, manifest(tmp_path, table, "a.jpg", "b.jpg", "c.jpg", "d.jpg"))

    assert (result["added"], result["predictions_added"]) == (4, 3)
    assert stored() == {
        "a.jpg": ("eff", ["dog"], [0.2, 0.8, 0.0]), "b.jpg": ("eff", ["cat"], None), "c.jpg": ("other", ["cat"], None),
    }  # fmt: skip
    assert [(row, why) for _name, row, why in reasons(result)] == [(5, "This project has no class “horse”.")]
    assert not Label.objects.exists()


def test_each_model_counts_once_for_an_image_and_little_is_remembered_of_it(project, lena, tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "CHUNK", 1)  # the third row comes in a batch of its own
    remembered: set[object] = set()
    take_in = Predictions._take_in

    def watched(self, model, rows):
        take_in(self, model, rows)
        remembered.update(self._counted)

    monkeypatch.setattr(Predictions, "_take_in", watched)
    table = "file_name,prediction,model\na.jpg,cat,eff\na.jpg,cat,clip\na.jpg,dog,eff\nb.jpg,dog,eff\n"

    result = bring_in(project, lena, manifest(tmp_path, table, "a.jpg", "b.jpg"))

    assert (result["predictions_added"], Prediction.objects.count()) == (3, 3)
    # Of a million predictions: 66 MB as numbers, 154 MB as pairs.
    assert len(remembered) == 3 and all(isinstance(one, int) for one in remembered)


def test_new_classes_of_predictions_are_made_where_somebody_says_so(project, lena, tmp_path):
    path = manifest(tmp_path, "file_name,prediction,model\na.jpg,horse,eff\nb.jpg,zebra,eff\n", "a.jpg", "b.jpg")

    result = bring_in(project, lena, path, new_categories={"horse": "horse", "zebra": None})

    assert (result["predictions_added"], reasons(result)) == (1, [])
    assert stored() == {"a.jpg": ("eff", ["horse"], None)}


def test_labels_that_are_a_models_become_its_predictions(project, lena, tmp_path):
    path = manifest(tmp_path, "file_name,label,annotator\na.jpg,cat,clip-b32\nb.jpg,dog,\n", "a.jpg", "b.jpg")

    looked = bring_in(project, lena, path, labels_as="prelabels", dry_run=True)
    assert (looked["predictions_added"], Prediction.objects.count(), TrainingRun.objects.count()) == (2, 0, 0)
    result = bring_in(project, lena, path, labels_as="prelabels")

    assert (result["predictions_added"], result["labels_added"]) == (2, 0)
    assert stored() == {"a.jpg": ("clip-b32", ["cat"], None), "b.jpg": ("m.zip", ["dog"], None)}
    assert not Label.objects.exists() and Image.objects.get(name="a.jpg").status == "unlabeled"


def test_nothing_leaves_predictions_out_too(project, lena, tmp_path):
    path = manifest(tmp_path, "file_name,label,prediction,model\na.jpg,cat,dog,eff\n", "a.jpg")
    result = bring_in(project, lena, path, labels_as="nothing")
    assert (result["added"], result["predictions_added"], TrainingRun.objects.count()) == (1, 0, 0)


def test_with_several_classes_one_number_is_no_set_of_probabilities(lena, tmp_path):
    project = make_project(lead=lena, task="multi", categories=("sky", "sea"))
    both = json.dumps({"sky": 0.9, "sea": 0.6}).replace('"', '""')
    table = f'file_name,prediction,probability,probabilities,model\na.jpg,sky|sea,0.8,,e\nb.jpg,sky,,"{both}",e\n'

    result = bring_in(project, lena, manifest(tmp_path, table, "a.jpg", "b.jpg"))

    assert result["predictions_added"] == 2
    assert stored() == {"a.jpg": ("e", ["sky", "sea"], None), "b.jpg": ("e", ["sky"], [0.9, 0.6])}


def test_a_table_of_predictions_says_so_by_its_format(project, lena, tmp_path):
    bring_in(project, lena, zipped(tmp_path / "p.zip", pictures("a.jpg", "b.jpg")))
    table = tmp_path / "said.jsonl"
    rows = [{"file_name": "a.jpg", "model": "eff@2", "label": "cat", "probabilities": {"cat": 0.7, "dog": 0.3}},
            {"sha256": Image.objects.get(name="b.jpg").sha256, "model": "eff@2", "categories": ["dog"]}]  # fmt: skip
    table.write_text("\n".join(map(json.dumps, rows)))

    result = bring_in(project, lena, table, format="predictions")

    assert (result["predictions_added"], result["labels_added"], reasons(result)) == (2, 0, [])
    assert stored() == {"a.jpg": ("eff 2", ["cat"], [0.7, 0.3, 0.0]), "b.jpg": ("eff 2", ["dog"], None)}
