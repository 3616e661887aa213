"""The page of one run, the report with its tables and curves, and two versions compared image by image."""

import re

import numpy as np
import pytest
from django.utils import timezone

from labeler.models import Exposure, Image, Label
from labeler.models.image import Slice, Status
from labeler.stats import overfit
from labeler.templatetags.figures import moment
from labeler.training import run_answers
from labeler.training.run_answers import Answers, Part
from tests.helpers.factories import add_images, category, make_model, predict
from tests.helpers.outside import judge, outside_model, says
from tests.helpers.pages import COMPARISON, HISTORY, METRICS, STAT, UNDEFINED, url
from worker.ml.evaluation import curves

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


def page(as_, person, address):
    response = as_(person).get(address)
    assert response.status_code == 200, response.status_code
    html = re.sub(r"\s+", " ", response.content.decode().replace("\N{NO-BREAK SPACE}", " "))
    assert "style=" not in html
    return html


def keep(run, part, images, truth, said):
    ids = [[[category(run.project, name)] for name in names] for names in (said, truth)]
    run_answers.keep(run, [Answers(part, [i.pk for i in images], ids[0], [0.9] * len(images), ids[1])])


@pytest.fixture
def versions(project):
    """Two versions on 4 test images: the second repairs one, breaks one, and both miss one."""
    ids = [category(project, name) for name in ("cat", "dog", "fox")]
    metrics = METRICS | {"confusion": {"categories": ids, "counts": [[1, 1, 0], [0, 1, 0], [1, 0, 0]]}}
    images = add_images(project, 4, slice=Slice.TEST, status=Status.SETTLED)
    old = make_model(project, active=False, checkpoint="a.json", metrics=metrics, comparison=COMPARISON)
    new = make_model(project, checkpoint="b.json", metrics=metrics, comparison=COMPARISON)
    truth = ["cat", "cat", "dog", "fox"]
    keep(old, Part.TEST, images, truth, ["cat", "dog", "dog", "dog"])
    keep(new, Part.TEST, images, truth, ["dog", "cat", "dog", "cat"])
    return old, new, images


# ---------------------------------------------------------------- one run


def test_a_run_under_way_shows_how_far_it_is_on_what_and_can_be_cancelled(as_, lena, rev, project):
    run = make_model(
        project, active=False, state="running", stage="Training, fold 2 of 5", progress_done=50, progress_total=100,
        device="cpu, 2 threads", config={"seed": 3, "finetune": {"epochs": None}}, dataset={"train": 120},
        started_at=timezone.now() - timezone.timedelta(minutes=44), history=HISTORY, attempt=2, worked_seconds=225,
        heartbeat_at=timezone.now() - timezone.timedelta(seconds=15),
        lease_until=timezone.now() + timezone.timedelta(seconds=45),
    )  # fmt: skip

    html = page(as_, lena, url("run", project, run.number))

    assert f'data-watch="/api/runs/{run.pk}/"' in html and "Training, fold 2 of 5" in html
    assert "about 4 min left" in html and "cpu, 2 threads" in html and "120 images" in html
    assert "4 minutes, over 44 minutes (interrupted once)" in html
    assert "Attempt 2" in html and "How is it learning?" in html
    assert "<code>finetune.epochs</code></th><td" in html and "chosen by the worker" in html
    assert "Cancel training" in html
    assert "Cancel training" not in page(as_, rev, url("run", project, run.number))


def test_nothing_dangles_while_it_is_not_known_how_long_a_run_takes(as_, lena, project):
    make_model(project, active=False, state="queued", stage="waiting for a worker", progress_done=0, progress_total=0)

    for address in (url("model", project), url("run", project, 1)):
        said = re.sub(r"<[^>]*>", " ", page(as_, lena, address))
        assert re.search(r"waiting for a worker\s+(Cancel|Started)", said), address


@pytest.mark.parametrize(
    ("seconds", "took"), [(59, "in less than a minute"), (60, "in 1 minute"), (150, "in 2 minutes")]
)
def test_a_short_training_did_not_take_no_minutes(as_, lena, project, seconds, took):
    make_model(project, metrics=METRICS, dataset={"train": 1}, n_labels=1, attempt=1, **times(seconds, seconds))

    html = page(as_, lena, url("model", project))

    assert f" · {took} · on 1 image" in html and "1 label ·" in html


def times(worked, elapsed):
    """Fields of a run that ended just now, in seconds."""
    ended = timezone.now()
    return {
        "started_at": ended - timezone.timedelta(seconds=elapsed), "finished_at": ended, "worked_seconds": worked,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (1, "for 6 minutes, over 46 minutes"),  # the machine slept
        (2, "for 6 minutes, over 46 minutes (interrupted once)"),
        (3, "for 6 minutes, over 46 minutes (interrupted 2 times)"),
    ],
)
def test_time_without_a_worker_is_not_time_of_training(as_, lena, project, attempt, said):
    """A worker that died after one minute, and the next one that came after forty: 6 of 46 minutes."""
    run = make_model(project, metrics=METRICS, dataset={"train": 1}, attempt=attempt, **times(360, 46 * 60))

    for address in (url("model", project), url("run", project, run.number)):
        assert f" · {said} · on 1 image" in page(as_, lena, address)
    told = as_(lena).get(f"/api/runs/{run.pk}/").json()
    assert (told["worked_seconds"], told["attempts"]) == (360.0, attempt)


def test_of_a_run_whose_time_was_not_counted_only_begin_and_end_are_said(as_, lena, project):
    run = make_model(project, metrics=METRICS, dataset={"train": 1}, attempt=2, **times(None, 46 * 60))

    html = page(as_, lena, url("model", project))

    begun, ended = moment(run.started_at), moment(run.finished_at)
    assert f"Started {begun}, finished {ended} · on 1 image" in html and "46 minutes" not in html
    assert as_(lena).get(f"/api/runs/{run.pk}/").json()["worked_seconds"] is None


def test_a_failed_run_says_why_and_what_can_be_done(as_, lena, project):
    error = {"code": "out_of_memory", "message": "The memory does not suffice."}
    run = make_model(project, active=False, state="failed", error=error)

    html = page(as_, lena, url("run", project, run.number))

    assert "The memory does not suffice." in html and "Choose a smaller image size" in html
    assert "all labels are as they were" in html
    assert as_(lena).get(url("run", project, 99)).status_code == 404


def test_a_finished_one_says_what_using_it_means(as_, lena, rev, project, versions):
    old, new, _ = versions

    html = page(as_, lena, url("run", project, old.number))

    assert "Go back to model 1?" in html and "No label changes" in html
    assert f'action="{url("activate_run", project, old.pk)}"' in html
    assert "A lead can do this." in page(as_, rev, url("run", project, old.number))
    assert "Go back" not in page(as_, lena, url("run", project, new.number))


def test_few_held_out_images_are_told_beside_the_figures_and_are_not_the_figures(as_, lena, project):
    crossed = {"value": 0.733, "low": 0.64, "high": 0.81, "n": 105}
    few = {"n": 2, "accuracy": {"value": 0.5, "low": 0.09, "high": 0.91, "n": 2}}
    metrics = METRICS | {"judged_on": "cross-validation", "accuracy": crossed, "held_out": few}
    run = make_model(project, metrics=metrics)

    html = page(as_, lena, url("run", project, run.number))

    assert "2 held-out images are settled so far; of those it is right on 50 % (9.0 to 91.0 %)." in html
    assert "Until 30 are, all figures here are cross-validated." in html and "73.3 %" in html
    metrics["held_out"] = {"n": 0, "accuracy": {"value": None}}
    run.metrics = metrics
    run.save()
    assert "are settled so far" not in page(as_, lena, url("run", project, run.number))


def test_the_pages_of_a_long_project_take_few_queries(as_, lena, project, versions, django_assert_max_num_queries):
    for _ in range(30):
        make_model(project, active=False, metrics=METRICS, checkpoint="c.json")
    client = as_(lena)
    for address in (url("model", project), url("run", project, 2), url("compare_runs", project) + "?a=1&b=2"):
        client.get(address)
        with django_assert_max_num_queries(22):
            client.get(address)


def test_a_label_remembers_which_version_suggested(as_, lena, ann, project):
    (image,) = add_images(project, 1, slice=Slice.NONE)
    old = make_model(project, active=False)
    seen = predict(old, image, "dog")
    Label.objects.create(
        image=image, project=project, annotator=ann, answer="labeled", categories=[category(project, "cat")],
        shown_prediction=seen, round=image.round, guideline_version=1, label_set_version=1, created_at=timezone.now(),
    )  # fmt: skip
    make_model(project)

    assert "suggestion of model 1 shown" in page(as_, lena, url("image", project, image.pk))


# ---------------------------------------------------------------- the report


def test_the_report_has_a_table_of_candidates_means_and_curves_of_each_class(as_, lena, project):
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 90)
    p = np.eye(3)[truth] * 0.4 + rng.random((90, 3)) * 0.6
    drawn = curves.curves(p / p.sum(1, keepdims=True), truth, [c.pk for c in project.categories.in_use()], "single")
    compared = [
        {**COMPARISON[0], "macro_f1": STAT, "log_loss": STAT, "seconds": 1.26},
        {"candidate": "finetuned", "title": "The network trained further", "tried": False, "chosen": False,
         "reason": "Tried from 100 labels on; there are 90."},
        {"candidate": "finetuned", "title": "Twice", "tried": True, "chosen": False, "reason": "Not better.",
         "accuracy": STAT, "settings": {"batch": 8}},
    ]  # fmt: skip
    per_class = [{**row, "category": c.pk, "roc_auc": STAT} for row, c in
                 zip(METRICS["per_class"], project.categories.in_use(), strict=True)]  # fmt: skip
    metrics = METRICS | {"curves": drawn, "weighted_f1": STAT, "per_class": per_class}
    config = {"finetune": {"batch": 32}}
    make_model(project, metrics=metrics, comparison=compared, history=HISTORY, config=config, dataset={"unreadable": 2})

    html = page(as_, lena, url("model", project))

    assert "Not better. Memory was short: 8 images at a time instead of 32." in html
    assert "2 labeled images could not be read" in html
    assert "1.3 s" in html and "Tried from 100 labels on; there are 90." in html and "not tried" in html
    assert "Mean, every class alike" in html and "Mean, by images" in html
    assert html.count('class="chart panel"') == 6  # ROC, and precision and recall, of three classes
    assert "cat: AUC 0.90" in html and "Found at 5 % false alarms" in html
    assert "Is it good enough to pre-label?" in html and "images covered" in html


def test_the_report_says_which_settings_of_a_network_were_tried_and_which_not(as_, lena, project):
    settings = {"first_stage": 16, "learning_rate": 0.001, "weight_decay": 0.05, "dropout": 0.2}
    given = {"settings": settings, "loss": 0.61, "accuracy": 0.812, "folds": 5, "chosen_in": 2, "chosen": False,
             "reason": None}  # fmt: skip
    faster = {**given, "settings": settings | {"learning_rate": 0.003}, "loss": 0.52, "chosen_in": 3, "chosen": True}
    late = {**given, "settings": settings | {"dropout": 0.5}, "loss": None, "accuracy": None, "folds": 0,
            "chosen_in": 0, "reason": "The time for trials was used up."}  # fmt: skip
    found = {"by_fold": [settings] * 5, "tried": 2, "search": [given, faster, late]}
    tried = {"candidate": "finetuned", "title": "The network trained further", "tried": True, "chosen": False,
             "reason": "Not better.", "accuracy": STAT, "settings": found}  # fmt: skip
    make_model(project, metrics=METRICS, comparison=[COMPARISON[0], tried], history=HISTORY)

    html = page(as_, lena, url("model", project))
    text = " ".join(re.sub(r"<[^>]+>", " ", html).split())

    assert "Settings of the network" in text and "Not better. 2 settings tried." in text
    assert "0.003 kept 0.05 0.2 16 0.52 81.2 % 3 of 5" in text
    assert "0.001 0.05 0.5 16 – – 0 of 5 Not tried to the end in 5 parts of 5: The time for trials was used up." in text


def test_a_cell_of_the_confusion_matrix_leads_to_its_images(as_, rev, project, versions):
    _, new, images = versions
    html = page(as_, rev, url("run", project, new.number))
    ids = [category(project, name) for name in ("cat", "dog")]
    address = f"{url('run_images', project, new.number)}?people={ids[0]}&model={ids[1]}"
    assert address.replace("&", "&amp;") in html

    listed = page(as_, rev, address)

    assert "cat called dog" in listed and "These are test images" in listed
    assert re.findall(r"/api/images/(\d+)/thumb/", listed) == [str(images[0].pk)]
    assert as_(rev).get(url("run_images", project, new.number)).status_code == 302  # nothing asked for


def test_of_several_classes_what_is_missed_is_listed(as_, lena, multi_project):
    one, other, *_ = multi_project.categories.in_use()
    images = add_images(multi_project, 3, slice=Slice.TEST, status=Status.SETTLED)
    rows = [
        {"category": c.pk, "n": 2, "precision": STAT, "recall": STAT, "f1": STAT, "confusion": [[0, 1], [1, 1]]}
        for c in (one, other)
    ]
    run = make_model(multi_project, metrics={"task": "multi", "n": 3, "accuracy": STAT, "per_class": rows})
    truth = [[one.pk, other.pk], [other.pk], []]
    said = Answers(Part.TEST, [i.pk for i in images], [[one.pk], [other.pk], [one.pk]], [0.9] * 3, truth)
    run_answers.keep(run, [said])

    assert "1 missed" in page(as_, lena, url("model", multi_project))
    missed = page(as_, lena, f"{url('run_images', multi_project, 1)}?missed={other.pk}")
    assert re.findall(r"/api/images/(\d+)/thumb/", missed) == [str(images[0].pk)]
    extra = page(as_, lena, f"{url('run_images', multi_project, 1)}?extra={one.pk}")
    assert re.findall(r"/api/images/(\d+)/thumb/", extra) == [str(images[2].pk)] and "none of these" in extra


@pytest.mark.parametrize(
    ("train", "validation", "overfits", "sentence"),
    [
        (
            [1.0, 0.6, 0.3, 0.1],
            [1.1, 0.8, 0.85, 0.9],
            True,
            "It overfits from epoch 2 on",
        ),  # 0.90 is 12 % above 0.80, and training went on falling
        ([1.0, 0.6, 0.3, 0.1], [1.1, 0.8, 0.81, 0.82], False, "No overfitting"),  # 2.5 %: noise
        ([1.0, 0.6, 0.7, 0.8], [1.1, 0.8, 0.85, 0.9], False, "the training became unstable"),  # both rise: it diverges
    ],
)
def test_overfitting_is_told_by_a_stated_rule(as_, lena, project, train, validation, overfits, sentence):
    points = [
        {"epoch": k + 1, "train_loss": t, "validation_loss": v, "train_accuracy": 0.99, "validation_accuracy": 0.8}
        for k, (t, v) in enumerate(zip(train, validation, strict=True))
    ]
    found = overfit.course(points)
    assert (found.overfits, found.best, found.gap) == (overfits, 1, pytest.approx(0.19))
    assert overfit.course(points[:2]) is None

    history = [{"candidate": "frozen", "x": "epoch", "points": points}]
    make_model(project, metrics=METRICS, comparison=COMPARISON, history=history)
    html = page(as_, lena, url("model", project))
    assert sentence in html
    assert "the images it learned from is 19 points above that of unseen ones" in html


def test_successive_models_and_the_versions_over_the_labels(as_, lena, project):
    stop = {"n": 40, "before": 2, "kappa": STAT, "same": 0.95, "kappas": [0.9]}
    for n in (50, 100, 200):
        metrics = METRICS | {"stop_set": stop, "learning_curve": {"points": [
            {"size": 10, "accuracy": 0.5}, {"size": 20, "accuracy": 0.6}]}}  # fmt: skip
        make_model(project, active=n == 200, metrics=metrics, n_labels=n)

    html = page(as_, lena, url("model", project))

    assert "Of 40 images nobody has labeled it says the same as model 2 for 95 %." in html
    assert "Share right of each version" in html


def test_where_every_image_has_a_label_by_now_it_says_so_and_no_share_of_none(as_, lena, project):
    reason = "no image is left that both have judged"
    stop = {"n": 0, "before": 5, "kappa": UNDEFINED | {"n": 0, "reason": reason}, "same": None, "kappas": []}
    curve = {"points": [{"size": 10, "accuracy": 0.5}, {"size": 20, "accuracy": 0.6}]}
    make_model(project, metrics=METRICS | {"stop_set": stop, "learning_curve": curve})

    html = page(as_, lena, url("model", project))

    assert "no image is left that nobody has labeled and that model 5 has judged too." in html
    assert "Of 0 images" not in html and reason not in html
    assert "frozen features</p>" in html and "what is expected" not in html  # nothing is foretold: there is no band


# ---------------------------------------------------------------- two versions


def test_two_versions_are_compared_image_by_image(as_, rev, project, versions):
    _, _, images = versions

    html = page(as_, rev, url("compare_runs", project) + "?a=1&b=2")

    assert "Model 2 against model 1" in html and "No difference beyond chance" in html and "p = 1.000" in html
    assert "These are test images" in html and "both wrong on 1, 1 of them with different answers" in html
    assert re.findall(r"/api/images/(\d+)/thumb/", html) == [str(images[1].pk), str(images[0].pk)]
    assert "n 4 · test images both have judged" in html and '<p class="big">0.0 points' in html


def test_a_clear_difference_is_said_plainly_in_both_directions(as_, rev, project):
    images = add_images(project, 40)
    Image.objects.filter(pk__in=[i.pk for i in images]).update(slice=Slice.TEST, status=Status.SETTLED)
    old, new = make_model(project, active=False), make_model(project)
    keep(old, Part.TEST, images, ["cat"] * 40, ["dog"] * 30 + ["cat"] * 10)
    keep(new, Part.TEST, images, ["cat"] * 40, ["cat"] * 40)

    html = page(as_, rev, url("compare_runs", project))
    assert "Model 2 is better than model 1 beyond chance (McNemar, p &lt; 0.001)." in html
    assert '<p class="big">+75.0 points' in html and "Show more of them" in html
    assert html.count("/thumb/") == 24
    assert page(as_, rev, url("compare_runs", project) + "?all=1").count("/thumb/") == 30
    worse = page(as_, rev, url("compare_runs", project) + "?a=2&b=1")
    assert "Model 1 is worse than model 2" in worse
    # a real minus sign, and of the ends of the interval too
    assert '<p class="big">\N{MINUS SIGN}75.0 points' in worse
    assert re.search("95 %: \N{MINUS SIGN}[0-9.]+ to \N{MINUS SIGN}[0-9.]+ points", worse)


def test_what_cannot_be_compared_says_why(as_, rev, project):
    address = url("compare_runs", project)
    assert "One version is not enough" in page(as_, rev, address)
    make_model(project, active=False)
    make_model(project)
    assert "Nothing to compare on" in page(as_, rev, address)
    assert "Choose two versions" in page(as_, rev, address + "?a=2&b=2")
    assert "Nothing to compare on" in page(as_, rev, address + "?a=99999999999999999999&b=x")


def test_annotators_see_none_of_it(as_, ann, project, versions):
    for address in (
        url("run", project, 1),
        url("run_images", project, 1) + "?people=1",
        url("compare_runs", project),
    ):
        assert as_(ann).get(address).status_code == 403


def test_a_report_shows_settled_held_out_images_and_remembers_who_saw_them(as_, rev, project, versions):
    _old, new, images = versions
    Image.objects.filter(pk=images[0].pk).update(status=Status.DISPUTED)
    address = url("run_images", project, new.number) + f"?people={category(project, 'cat')}"

    html = page(as_, rev, address)

    assert f"/api/images/{images[0].pk}/thumb/" not in html and f"/api/images/{images[1].pk}/thumb/" in html
    assert set(Exposure.objects.values_list("user", "image")) == {(rev.pk, images[1].pk)}


# ---------------------------------------------------------------- models of other programs


def test_a_model_of_another_program_stands_beside_our_own(as_, project, lena, rev, versions):
    run = outside_model(project, lena, name="resnet <b>", version="2")
    images = versions[2]
    for image in images:
        says(run, image, "cat")
    judge(run)

    listed = page(as_, rev, url("model", project))
    assert "resnet &lt;b&gt; 2" in listed and "4 predictions" in listed
    assert f"/model/{run.pk}/activate/" not in listed  # a reviewer does not choose
    shown = page(as_, lena, url("run", project, 3))
    assert "nobody here can know" in shown and "not calibrated yet" in shown
    assert "Use model 3" in shown and "Model card" not in shown
    assert as_(lena).post(f"/projects/{project.pk}/model/{run.pk}/activate/").status_code == 302
    shown = page(as_, lena, url("model", project))
    assert "“resnet &lt;b&gt; 2” of another program" in shown
    assert "Classify a picture" not in shown
    page(as_, lena, url("compare_runs", project) + "?a=2&b=3")
    for name in ("project", "economy", "agreement", "review", "images", "export", "settings_model"):
        page(as_, lena, url(name, project))
    one = page(as_, lena, url("image", project, add_images(project, 1, slice=Slice.NONE)[0].pk))
    assert "has sent nothing about this image" in one
