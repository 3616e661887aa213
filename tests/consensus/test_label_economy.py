"""The label economy with a database: where one more judgement is asked for, when it stops, what the model may say."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labeler.agreement import reports
from labeler.consensus import economy_standing, label_economy, reliability, snapshots
from labeler.errors import Invalid
from labeler.labeling import claims
from labeler.labeling.label_arrays import Selection
from labeler.labeling.labels import save_label
from labeler.models import Claim, Consensus, EconomyPoint, Image, Label, Project, QueueEntry
from labeler.models.image import Slice
from labeler.projects import projects
from labeler.stats import economy as stats
from labeler.training import out_of_fold
from tests.helpers.api import as_person
from tests.helpers.economy import calibrated, say
from tests.helpers.factories import add_images, category, join, make_model, make_project, predict
from worker.training.dataset import assemble

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(ann, bea, dora, lena):
    return make_project(
        ann, bea, dora, lead=lena, ask_by_gain=True, goal_right=0.999, most_labels=3, consensus_method="with_model"
    )


def seats(image):
    entry = QueueEntry.objects.get(pk=image.pk)
    held = Claim.objects.filter(image=image, holds_seat=True, round=entry.round).count()
    assert entry.seats_left + held == entry.seats
    return entry.seats, entry.seats_left


def open_order(project):
    entries = QueueEntry.objects.filter(project=project, seats_left__gt=0).order_by("-priority", "-image")
    return [(entry.image_id, entry.chosen_by) for entry in entries]


def test_a_new_image_or_one_more_opinion_is_one_question(project, ann, bea):
    images = add_images(project, 4)
    sure, unsure, doubtful, plain = images
    assert seats(sure) == (1, 1)
    say(project, doubtful, ann, "cat")
    run = calibrated(project)
    predict(run, sure, "cat", 0.97)
    predict(run, unsure, "dog", 0.5)
    predict(run, doubtful, "dog", 0.9)
    predict(run, plain, "cat", 0.8)

    assert label_economy.ask_where_gain_is_highest(project) > 0

    order = open_order(project)
    # The labeled one, where person and model differ, comes before what the model is rather sure of.
    assert [pk for pk, _ in order] == [i.pk for i in (unsure, doubtful, plain, sure)]
    assert {why for _, why in order} == {"gain"}
    assert seats(doubtful) == (2, 1) and seats(sure) == (1, 1)
    assert Image.objects.get(pk=doubtful.pk).status == "partly labeled"
    assert label_economy.ask_where_gain_is_highest(project) == 0  # nothing new: nothing is written
    # The same person is never asked twice.
    mine = {claim.image_id for claim in claims.claim(project=project, annotator=ann, count=10)}
    assert mine == {unsure.pk, plain.pk, sure.pk}


def test_an_answer_is_waited_for_and_the_most_labels_end_it(project, ann, bea, dora):
    (image,) = add_images(project, 1)
    say(project, image, ann, "cat")
    label_economy.ask_where_gain_is_highest(project)
    claims.claim(project=project, annotator=bea)
    label_economy.ask_where_gain_is_highest(project)
    assert seats(image) == (2, 0)  # bea is at it
    save_label(image_id=image.pk, annotator=bea, categories=["dog"])
    label_economy.ask_where_gain_is_highest(project)
    say(project, image, dora, "fox")
    label_economy.ask_where_gain_is_highest(project)
    assert seats(image) == (3, 0)
    assert Image.objects.get(pk=image.pk).status == "disputed"


def test_held_out_images_come_at_a_constant_random_rate_until_one_answer_leads_by_two(project, ann, bea, dora):
    plain = add_images(project, 30, slice=Slice.NONE)
    blind = add_images(project, 10, slice=Slice.TEST)
    run = calibrated(project)
    for image in [*plain, *blind]:
        predict(run, image, "cat", 0.99 if image in blind else 0.6)

    label_economy.ask_where_gain_is_highest(project)

    order, held_out = open_order(project), {image.pk for image in blind}
    assert {why for pk, why in order if pk in held_out} == {"random"}
    # A quarter of the images, two seats each: a quarter of the judgements, from the top of the queue on.
    for part in (order[:14], order[14:28]):
        assert sum(pk in held_out for pk, _ in part) in (1, 2, 3)
    say(project, blind[0], ann, "cat")
    say(project, blind[0], bea, "dog")
    say(project, blind[1], ann, "cat")
    say(project, blind[1], bea, "cat")
    label_economy.ask_where_gain_is_highest(project)
    assert seats(blind[0]) == (3, 1) and seats(blind[1]) == (2, 0)
    say(project, blind[0], dora, "cat")
    asked = Label.objects.filter(image=blind[0]).values_list("annotator__username", "chosen_by")
    assert dict(asked) == {"ann": "random", "bea": "random", "dora": "doubt"}
    checks = economy_standing.standing(project).checks
    assert checks.right.tolist() == [True] and checks.confidence == pytest.approx([0.99]) and not checks.judged.any()


@pytest.mark.parametrize("salt", [f"salt {n}" for n in range(12)])
def test_held_out_images_come_first_once_no_other_gains_as_much_in_the_order_of_their_draw(project, salt):
    Project.objects.filter(pk=project.pk).update(salt=salt)
    project.refresh_from_db()
    plain = add_images(project, 30, slice=Slice.NONE)
    blind = add_images(project, 10, slice=Slice.TEST)
    run = calibrated(project)
    for image in plain:
        predict(run, image, "cat", 0.998)
    for n, image in enumerate(blind):
        predict(run, image, "cat", 0.55 if n % 2 else 0.99)

    label_economy.ask_where_gain_is_highest(project)

    drawn = label_economy._chance(project, np.array([image.pk for image in blind]))
    by_draw = [image.pk for _, image in sorted(zip(-drawn, blind, strict=True), key=lambda pair: pair[0])]
    # Sure and unsure ones as they were drawn: whichever of them are judged by then are a random sample.
    assert [pk for pk, _ in open_order(project)][:10] == by_draw


@pytest.mark.parametrize(
    ("goal", "held_out", "wanted"),
    # A goal that must be known to 1.25 points; one that allows 5 % of errors, and 10 %; few held-out images.
    [(0.97, 1000, 150), (0.95, 1000, 84), (0.90, 1000, 30), (0.97, 100, 80), (0.97, 10, 30)],
)
def test_so_many_blind_images_must_be_known_before_a_goal_is_said(goal, held_out, wanted):
    n, nothing = 2000, np.zeros(0)
    known = stats.Checks(np.full(wanted, 0.99), np.ones(wanted, bool), np.zeros(wanted, bool))
    now = economy_standing.Standing(
        np.arange(n), [1, 2], np.full((n, 2), (0.999, 0.001)), 0.85, np.ones(n, int), np.zeros(n, bool),
        np.arange(n) < held_out, known, True, False,
    )  # fmt: skip
    assert now.checks_wanted(goal) == wanted and now.reached(goal)
    for few in (stats.Checks(known.confidence[1:], known.right[1:], known.judged[1:]), stats.Checks(*[nothing] * 3)):
        assert not replace(now, checks=few).reached(goal)


@pytest.fixture
def nearly_done(project, ann, bea, monkeypatch):
    monkeypatch.setattr(economy_standing, "FEWEST_CHECKS", 2)
    monkeypatch.setattr(stats, "NEAR", 0.5)
    plain, blind = add_images(project, 6, slice=Slice.NONE), add_images(project, 3, slice=Slice.TEST)
    run = calibrated(project)
    for image in [*plain, *blind]:
        predict(run, image, "cat", 0.98)
    for image in blind[:2]:
        say(project, image, ann, "cat")
        say(project, image, bea, "cat")
    return plain, blind


def test_at_the_goal_nobody_is_asked_but_for_the_images_that_it_is_measured_on(project, lena, ann, nearly_done):
    plain, blind = nearly_done
    say(project, plain[0], ann, "cat")
    projects.update(project=project, by=lena, changes={"goal_right": 0.9})
    project.refresh_from_db()
    label_economy.ask_where_gain_is_highest(project)
    assert {pk for pk, _ in open_order(project)} == {blind[2].pk}
    assert seats(plain[0]) == (1, 0) and seats(plain[1]) == (0, 0)
    assert Image.objects.get(pk=plain[0].pk).status == "settled"

    projects.update(project=project, by=lena, changes={"goal_right": 0.999})
    project.refresh_from_db()
    label_economy.ask_where_gain_is_highest(project)
    assert {pk for pk, _ in open_order(project)} == {blind[2].pk, *(image.pk for image in plain)}

    # Fixed overlap again: as if nothing had been.
    projects.update(project=project, by=lena, changes={"ask_by_gain": False, "labels_per_image": 2})
    assert seats(plain[0]) == (2, 1) and seats(plain[1]) == (2, 2)
    assert "gain" not in {why for _, why in open_order(project)}


def test_readings_are_kept_as_judgements_come_in(project, ann, nearly_done):
    plain, _ = nearly_done
    label_economy.ask_where_gain_is_highest(project)
    label_economy.ask_where_gain_is_highest(project)
    assert list(project.economy_points.values_list("judgements", "images", "judged", "checks")) == [(4, 9, 2, 2)]
    say(project, plain[0], ann, "cat")
    label_economy.ask_where_gain_is_highest(project)
    last = EconomyPoint.objects.latest("id")
    assert (last.judgements, last.judged) == (5, 3) and 0.8 < last.low <= last.right <= last.high <= 1


def test_the_model_fills_what_nobody_labeled_and_it_stays_the_models_alone(project, lena, rev, ann, nearly_done):
    plain, blind = nearly_done
    say(project, plain[0], ann, "dog")
    projects.update(project=project, by=lena, changes={"model_fills": True})
    project.refresh_from_db()
    label_economy.ask_where_gain_is_highest(project)

    rows = {row.image_id: row for row in Consensus.objects.filter(project=project)}
    cat = [category(project, "cat")]
    assert {pk for pk, row in rows.items() if row.method == "model"} == {*(i.pk for i in plain[1:]), blind[2].pk}
    filled = rows[plain[1].pk]
    assert (filled.categories, filled.n_votes) == (cat, 0) and filled.confidence == pytest.approx(0.98)
    assert rows[plain[0].pk].method == "with_model"
    told = snapshots.current(list(Image.objects.filter(project=project)))
    assert told[plain[1].pk].method == "model" and told[plain[1].pk].categories == cat
    # What is judged blind shows nobody what the model says, until it is settled; an export has it all the same.
    assert told[blind[2].pk].categories == cat
    seen = snapshots.shown_consensus(list(Image.objects.filter(project=project)))
    assert seen[plain[1].pk].categories == cat and seen[blind[2].pk].categories is None
    join(project, rev, "reviewer")
    for who in (lena, rev):
        shape = as_person(who).get(f"/api/images/{blind[2].pk}/").json()
        assert shape["prediction"] is None and shape["consensus"]["categories"] is None
    QueueEntry.objects.filter(pk=plain[2].pk).update(chosen_by="audit")
    assert snapshots.shown_consensus([Image.objects.get(pk=plain[2].pk)])[plain[2].pk].categories is None
    QueueEntry.objects.filter(pk=plain[2].pk).update(chosen_by="gain")
    # No label, nothing to learn from, nothing that agreement sees; and a look after the snapshots leaves it.
    assert Label.objects.filter(image=plain[1]).count() == 0
    assert plain[1].pk not in {example.image_id for example in assemble(project).train}
    assert reports.agreement(project, Selection(labels="all", sample="all"))["n_labels"] == 5
    assert Consensus.objects.get(image=plain[1]).method == "model"

    projects.update(project=project, by=lena, changes={"model_fills": False})
    project.refresh_from_db()
    assert snapshots.current([plain[1]])[plain[1].pk].categories is None
    label_economy.ask_where_gain_is_highest(project)
    assert not Consensus.objects.filter(project=project, method="model").exists()


def test_settings_that_contradict_each_other_are_refused(project, lena):
    for changes in ({"adaptive_overlap": True}, {"model_fills": True, "consensus_method": "majority"}):
        with pytest.raises(Invalid):
            projects.update(project=project, by=lena, changes=changes)
    project.refresh_from_db()
    assert not project.adaptive_overlap and not project.model_fills


# ---- where the model may speak


def keep_opinions(run, images, name, settings, tmp_path):
    settings.MODELS_DIR = tmp_path
    said = np.full((len(images), 3), 0.05, np.float32)
    said[:, run.category_names.index(name)] = 0.9
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer, image_ids=np.array([i.pk for i in images]), chosen=np.array("frozen"),
        category_ids=np.array(run.category_ids), **{"said.frozen": said},
    )  # fmt: skip
    out_of_fold.folder_of(run).mkdir(parents=True)
    (out_of_fold.folder_of(run) / "attempt-1-out-of-fold.npz").write_bytes(buffer.getvalue())


def test_of_images_it_learned_from_speaks_the_fold_that_had_not_seen_them(project, ann, bea, settings, tmp_path):
    images = add_images(project, 4, slice=Slice.NONE)
    say(project, images[0], ann, "cat")
    say(project, images[1], ann, "cat")
    run = make_model(
        project, is_calibrated=True, temperature=2.0, last_label=Label.objects.latest("id").pk,
        checkpoint="project-1/model-1/attempt-1.json",
    )  # fmt: skip
    keep_opinions(run, images[:1], "dog", settings, tmp_path)
    for image in images[:3]:
        predict(run, image, "cat", 0.8)

    ids = np.array([image.pk for image in images])
    says = reliability.infer(project, "with_model", images=ids).model

    dog = run.category_names.index("dog")
    assert says[0].argmax() == dog and says[0, dog] == pytest.approx(18**0.5 / (18**0.5 + 2), rel=1e-3)  # tempered
    assert np.isnan(says[1]).all()  # learned from, and no fold spoke
    assert says[2, run.category_names.index("cat")] == pytest.approx(0.8)  # stored with its temperature
    assert np.isnan(says[3]).all()  # not looked at yet


def test_where_a_suggestion_was_seen_the_model_is_silent(project, ann, bea):
    image, other = add_images(project, 2, slice=Slice.NONE)
    run = calibrated(project)
    predict(run, image, "cat", 0.8)
    predict(run, other, "cat", 0.8)
    say(project, image, ann, "cat")  # with the suggestion on the screen: the project shows them
    says = reliability.infer(project, "with_model", images=np.array([image.pk, other.pk])).model
    assert np.isnan(says[0]).all() and not np.isnan(says[1]).any()


# ---- the rule in words


@pytest.mark.usefixtures("uncollected_static_files")
def test_settings_and_docs_say_how_many_blind_images_bear_a_goal_out(project, lena, as_):
    said = str(economy_standing.BORNE_OUT)
    assert (
        f"{economy_standing.ENOUGH_CHECKS} blind images" in said
        and f"{economy_standing.FEWEST_CHECKS} at least" in said
    )
    page = as_(lena).get(f"/projects/{project.pk}/settings/consensus/").content.decode()
    assert said in page
    for name in ("lead", "model"):
        text = " ".join((Path(__file__).parents[2] / "docs" / f"{name}.md").read_text().split())
        assert said in text, name
