"""Where people draw: examples of a class and gold images are shown with their objects over the picture."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from labeler.consensus import snapshots
from labeler.label_set import examples
from labeler.models import Gold
from labeler.review import adjudication, gold
from tests.helpers.drawn_projects import draw_all, drawing_project, shape_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]

PAWN, KING, FAR = ("pawn", 10, 20, 30, 40), ("king", 100, 100, 50, 60), ("pawn", 400, 300, 20, 20)
OUTLINE = "M10 20H40V60H10Z"


@pytest.fixture
def lab(ann, bea, lena):
    project = drawing_project(ann, bea, lead=lena)
    agreed, disputed = draw_all(project, [{ann: [PAWN, KING], bea: [PAWN, KING]}, {ann: [PAWN, FAR], bea: [PAWN]}])
    snapshots.refresh(project)
    return project, agreed, disputed


def config_of(page):
    text = page.content.decode()
    return json.loads(text.split('id="label-config" type="application/json">')[1].split("</script>")[0])


def test_an_example_is_shown_with_the_settled_objects_of_its_class(lab, as_, ann, lena):
    project, agreed, disputed = lab
    pawn = project.categories.get(name="pawn")
    for image in (agreed, disputed):
        examples.add(category=pawn, image=image, by=lena)

    settings = as_(lena).get(reverse("examples", args=[project.pk, pawn.pk])).content.decode()
    shown = config_of(as_(ann).get(reverse("label", args=[project.pk])))["categories"]

    # Neither the king nor the pawn that only one of two drew.
    assert settings.count(f'<path class="under" d="{OUTLINE}"/>') == 2
    assert settings.count('aria-label="Drawn here: 1 pawn"') == 2 and "M100 100" not in settings
    rows = next(one["examples"] for one in shown if one["name"] == "pawn")
    assert [(row["image"], row["width"], row["height"], row["drawn"]) for row in rows] == [
        (agreed.pk, 640, 480, OUTLINE), (disputed.pk, 640, 480, OUTLINE),
    ]  # fmt: skip


def test_gold_is_made_of_agreed_and_decided_objects_and_shown_with_them(lab, as_, lena):
    project, agreed, disputed = lab
    client, page = as_(lena), reverse("gold", args=[project.pk])
    offered = client.get(page)
    assert [row["image"].pk for row in offered.context["offers"]] == [agreed.pk]
    assert 'aria-label="Drawn here: 1 king, 1 pawn"' in offered.content.decode()

    client.post(page, {"image": [agreed.pk]})
    assert [one["box"] for one in Gold.objects.get().drawn] == [[10, 20, 30, 40], [100, 100, 50, 60]]
    assert OUTLINE in client.get(page).content.decode()

    of_image = reverse("image", args=[project.pk, disputed.pk])
    assert "What is on it is not known" in " ".join(client.get(of_image).content.decode().split())
    client.post(reverse("gold_image", args=[project.pk, disputed.pk]), {"explanation": "x"})
    assert Gold.objects.count() == 1
    known = [{"category": "pawn", **shape_of("boxes", 400, 300, 20, 20)}]
    adjudication.decide(image_id=disputed.pk, reviewer=lena, drawn=known)
    assert "1 object, as decided" in client.get(of_image).content.decode()
    client.post(reverse("gold_image", args=[project.pk, disputed.pk]), {"explanation": "small"})
    made = Gold.objects.get(pk=disputed.pk)
    assert ([one["box"] for one in made.drawn], made.explanation) == ([[400, 300, 20, 20]], "small")

    client.post(page, {"retire": disputed.pk})
    client.post(page, {"restore": disputed.pk})
    assert Gold.objects.get(pk=disputed.pk).drawn == made.drawn
    assert gold.offers(project).count() == 0
