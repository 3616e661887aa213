"""The model page shows what a run found beyond its figures, and nothing of what an older run does not have."""

import pytest

from labeler.labeling import claims
from labeler.labeling.labels import save_label
from labeler.training import model_card
from tests.helpers.answers import answer
from tests.helpers.factories import add_images, make_model
from tests.helpers.pages import METRICS, url
from tests.helpers.run_reports import findings

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


def page(as_, person, project):
    return as_(person).get(url("model", project)).content.decode().replace("\N{NO-BREAK SPACE}", " ")


def test_the_page_says_what_the_run_found(as_, lena, project):
    images = add_images(project, 3)
    answer(images[0], ann="cat", bea="cat")
    answer(images[1], ann="fox", bea="fox")
    make_model(project, metrics=METRICS | findings(project, images))

    html = page(as_, lena, project)

    assert "Can its confidence be trusted?" in html and "Share right by stated confidence" in html
    assert "How many more labels?" in html and "80 more labels are expected to bring 1.2 points." in html
    assert "95 % right, with 95 % confidence" in html and "0.912" in html and "67 %" in html and "1 wrong of 93" in html
    assert "59 right answers in a row are needed" in html
    assert "worse beyond chance" in html and "61.0 %" in html and "Fewer than 30 images" in html
    assert "4 labels were doubted in the training" in html
    assert "1 of them waits for a look" in html
    assert f'href="{url("adjudicate", project)}?doubted=1&amp;image={images[0].pk}"' in html
    assert html.count("/thumb/") == 1  # one that is gone, and those that nobody calls a cat any more, are left out
    assert "Look at 1 label" in html and "None was looked at yet." in html


def test_of_several_classes_it_doubts_one_of_an_images_answers(as_, ann, lena, multi_project):
    one, other = multi_project.categories.in_use()[:2]
    images = add_images(multi_project, 2)
    for image, said in zip(images, ([], [other.pk]), strict=True):
        claims.claim(project=multi_project, annotator=ann, count=2)
        save_label(image_id=image.pk, annotator=ann, categories=said)
    suspects = [
        {"image": images[0].pk, "label": one.pk, "suggested": True, "doubt": 0.9, "confident": True},
        {"image": images[1].pk, "label": other.pk, "suggested": False, "doubt": 0.8, "confident": True},
    ]
    make_model(multi_project, metrics={"label_errors": {"n": 2, "suspects": suspects}})

    html = page(as_, lena, multi_project)

    assert f"not {one.name}" in html and f"not {other.name}" in html


def test_a_run_of_before_shows_what_it_has(as_, lena, project):
    make_model(project, metrics=METRICS)

    html = page(as_, lena, project)

    assert "What does it get wrong?" in html
    for title in (
        "Can its confidence",
        "How many more labels",
        "accept by itself",
        "Where is it worse",
        "labels does it",
    ):
        assert title not in html


def test_annotators_do_not_see_it(as_, ann, project):
    make_model(project, metrics=METRICS | findings(project, add_images(project, 1)))

    assert as_(ann).get(url("model", project)).status_code == 403


def test_codes_of_a_run_are_said_on_the_page_in_the_card_and_by_rest(as_, lena, project):
    found = METRICS | findings(project, add_images(project, 1))
    expected = {"code": "gain_expected", "n": 160, "gain": 0.012, "low": -0.004, "high": 0.031}
    too_few = {"code": "too_few_for_promise", "n": 40, "fewest": 59}
    found["learning_curve"] |= {"advice": expected}
    found["acceptance"][1] |= {"reason": too_few}
    run = make_model(project, metrics=found)
    words = "160 labels in all are expected to bring +1.2 points (−0.4 to +3.1)"
    needed = "40 calibration labels are there; 59 at least are needed for this promise"

    told = as_(lena).get(f"/api/runs/{run.pk}/").json()["metrics"]
    assert (told["learning_curve"]["advice"], told["acceptance"][1]["reason"]) == (words, needed)
    assert model_card.card_of(run)["metrics"]["acceptance"][1]["reason"] == needed
    text = page(as_, lena, project)
    assert words in text and needed in text and "gain_expected" not in text
    run.refresh_from_db()
    assert run.metrics["learning_curve"]["advice"] == expected
