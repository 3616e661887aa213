"""What an export of drawn answers would hold: counted by the rule of the files, object by object."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from django.urls import reverse

from labeler.labeling import claims
from labeler.labeling.labels import save_label
from labeler.releases import contents, drawn_summary, summary
from labeler.review import adjudication
from tests.helpers.drawn_projects import draw, draw_all, drawing_project, shape_of, three_people
from tests.helpers.factories import add_images, join

pytestmark = pytest.mark.django_db


def chess(ann, bea, dora, lena, rev, task="boxes"):
    project = drawing_project(ann, bea, dora, lead=lena, task=task, labels_per_image=3)
    join(project, rev, "reviewer")
    return project


def test_an_object_in_dispute_keeps_its_image_out(ann, bea, dora, lena, rev):
    project = chess(ann, bea, dora, lena, rev)
    three_people(project, ann, bea, dora)
    add_images(project, 1)

    found = summary.summary_of(project)

    # Six images of three people: four show a pawn and a king each, one nothing, and of one all say something else.
    assert (found.images, found.outcome, found.without) == (7, 5, {"tie": 1, "unanswered": 1})
    assert found.objects == {"pawn": 4, "king": 4}
    assert found.judgements == 18


def test_the_same_classes_elsewhere_are_no_outcome(ann, bea, dora, lena, rev):
    project = chess(ann, bea, dora, lena, rev)
    here, there = [("pawn", 10, 10, 50, 50)], [("pawn", 300, 300, 50, 50)]
    draw_all(project, [{ann: here, bea: there}])

    found = summary.summary_of(project)

    # By classes both say the same, a pawn; by objects each of two places was drawn by one of two.
    assert (found.outcome, found.without, found.objects) == (0, {"tie": 1}, {})


@pytest.mark.parametrize("task", ["boxes", "polygons", "masks", "semantic"])
def test_the_counts_are_those_that_the_files_are_made_of(ann, bea, dora, lena, rev, task):
    rng = np.random.default_rng(5)
    project = chess(ann, bea, dora, lena, rev, task)

    def drawn():
        # Semantic: areas of two classes must not overlap, so each class has its half of the image.
        objects = []
        for name, left in (("pawn", 10), ("king", 330)):
            for row in range(2):
                if rng.random() < 0.7:
                    x, y = rng.integers(0, 60, 2).tolist()
                    objects.append((name, left + x, 20 + 220 * row + y, 100, 90))
        return objects

    people = (ann, bea, dora)
    images = draw_all(project, [{person: drawn() for person in people[: rng.integers(1, 4)]} for _image in range(30)])
    for image in images[:3]:
        adjudication.decide(
            image_id=image.pk, reviewer=rev, drawn=[{"category": "king", **shape_of(task, 10, 10, 50, 50)}]
        )
    adjudication.decide(image_id=images[3].pk, reviewer=rev, undecidable=True)
    add_images(project, 2)
    with contents.snapshot():
        rows = list(contents.read(project))

    found = summary.summary_of(project)

    there = [row for row in rows if row.objects is not None]
    assert found.outcome == len(there) and found.images == len(rows)
    assert found.outcome + sum(found.without.values()) == found.images
    assert found.n_bytes == sum(row.image.n_bytes for row in there)
    assert found.objects == Counter(one.category for row in there for one in row.objects)
    assert 3 < found.outcome < 30


def test_who_could_not_tell_names_nothing(ann, bea, dora, lena, rev):
    project = chess(ann, bea, dora, lena, rev)
    add_images(project, 1)
    [claim] = claims.claim(project=project, annotator=ann, count=1)
    save_label(image_id=claim.image_id, annotator=ann, answer="cannot_tell")

    assert summary.summary_of(project).without == {"cannot_tell": 1}


def test_too_many_to_compare_are_left_to_a_release(
    uncollected_static_files, as_, ann, bea, dora, lena, rev, monkeypatch
):
    project = chess(ann, bea, dora, lena, rev)
    three_people(project, ann, bea, dora)
    page = reverse("export", args=[project.pk])
    assert "pawn 4, king 4" in " ".join(as_(lena).get(page).content.decode().split())
    monkeypatch.setattr(drawn_summary, "MOST_COMPARED", 2)

    assert summary.summary_of(project).objects is None
    assert summary.summary_of(project).outcome == 5
    assert "a release counts them" in as_(lena).get(page).content.decode()


def test_of_some_images(ann, bea, dora, lena, rev):
    project = chess(ann, bea, dora, lena, rev)
    [one, *_more] = add_images(project, 3)
    draw(project, one, ann, [("pawn", 10, 10, 50, 50)])

    found = summary.summary_of(project, project.images.filter(pk=one.pk))

    assert (found.images, found.outcome, found.objects) == (1, 1, {"pawn": 1})
