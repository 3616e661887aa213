"""Contested images by look: which are one question, how the votes on them stand, where they lie."""

from __future__ import annotations

import re

import numpy as np
import pytest
from django.urls import reverse

from labeler import charts
from labeler.agreement import disagreement_groups, rounds
from labeler.labeling import claims as queue
from labeler.labeling.labels import save_label
from labeler.models import Snapshot
from labeler.progress import cache, cached_reports
from labeler.review import adjudication
from labeler.stats.clusters import group_by_look
from labeler.stats.plane import hull, reduce
from labeler.training import features
from labeler.wording.sentences import chart_words
from tests.helpers.disagreements import AXES, NAME, divide, look
from tests.helpers.factories import add_images, category

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(uncollected_static_files, as_, project):
    """`page(person, query)`: the page of groups."""

    def page(person, query=""):
        return as_(person).get(reverse("contested", args=[project.pk]) + query)

    return page


def groups_of(project, pair=None):
    return disagreement_groups.present(project, disagreement_groups.find(project, pair))


def test_images_that_look_alike_are_one_question(project, two_questions):
    one, other = two_questions

    found = groups_of(project)

    assert [set(group.ids) for group in found.groups] == [{i.pk for i in one}, {i.pk for i in other}]
    cat, dog, fox = (category(project, name) for name in ("cat", "dog", "fox"))
    assert [(group.pair, group.pair_n) for group in found.groups] == [((cat, dog), 10), ((dog, fox), 8)]
    assert found.groups[0].votes == [([cat], 10), ([dog], 10)]
    assert (found.n, found.n_grouped, found.has_vectors) == (18, 18, True)
    assert all(0 <= point.x <= 1 and 0 <= point.y <= 1 for point in found.points) and len(found.points) == 18


def test_the_most_typical_image_comes_first(project, run, ann, bea):
    images = add_images(project, 9)
    look(images[:8], 0)
    features.store(NAME, {images[8].sha256: (AXES[0] + AXES[5]).astype("<f2").tobytes()})  # halfway to elsewhere
    divide(project, images, ann, bea)

    [group] = groups_of(project).groups

    assert group.ids[-1] == images[8].pk


def test_images_can_be_narrowed_to_two_classes(project, two_questions):
    _one, other = two_questions
    pair = (category(project, "dog"), category(project, "fox"))

    found = groups_of(project, pair)

    assert found.n == 8 and {pk for group in found.groups for pk in group.ids} == {i.pk for i in other}
    assert disagreement_groups.pairs(project)[0] == ((category(project, "cat"), category(project, "dog")), 10)


def test_images_that_no_model_has_seen_stand_apart(project, two_questions, ann, bea):
    more = add_images(project, 3)
    divide(project, more, ann, bea)

    *_seen, last = groups_of(project).groups

    assert last.number is None and set(last.ids) == {image.pk for image in more}


def test_without_a_model_all_are_one_group(project, ann, bea):
    images = add_images(project, 4)
    divide(project, images, ann, bea)

    found = groups_of(project)

    assert [group.number for group in found.groups] == [None]
    assert not found.has_vectors and found.points == []


def test_a_vector_that_holds_an_infinity_is_as_good_as_none(project, run, ann, bea):
    images = add_images(project, 9)
    look(images[:8], 0)
    features.store(NAME, {images[8].sha256: np.array([np.inf] * 64, "<f2").tobytes()})
    divide(project, images, ann, bea)

    assert [len(group.images) for group in groups_of(project).groups] == [8, 1]


def test_what_was_sent_back_or_agreed_on_since_is_gone_from_a_kept_report(project, two_questions, lena, ann, bea):
    one, other = two_questions
    kept = disagreement_groups.find(project)
    rounds.send_back(project=project, by=lena, image_ids=[image.pk for image in one[:7]])
    save_label(image_id=other[0].pk, annotator=ann, categories=["fox"])  # ann changes her mind

    found = disagreement_groups.present(project, kept)

    assert [len(group.images) for group in found.groups] == [7, 3]  # the largest is first again
    assert [group.number for group in found.groups] == [1, 2]
    assert (found.n, found.n_grouped) == (10, 10)


def test_reviewers_reasons_stand_with_the_group_of_their_image(project, two_questions, rev):
    one, _other = two_questions
    adjudication.decide(image_id=one[3].pk, reviewer=rev, categories=["cat"], reason="whiskers")

    found = groups_of(project)

    assert disagreement_groups.reasons(found.groups) == {one[3].pk: ["whiskers"]}
    assert one[3].pk in found.groups[0].ids  # people still differ on it


def test_only_the_most_divided_images_are_grouped(project, two_questions, monkeypatch):
    monkeypatch.setattr(disagreement_groups, "MOST", 10)

    found = groups_of(project)

    assert (found.n, found.n_grouped) == (18, 10)


def test_several_classes_are_divided_where_one_answer_lacks_what_another_names(multi_project, ann, bea):
    images = add_images(multi_project, 3)
    for person, names in ((ann, ["sky", "sea"]), (bea, ["sky", "sand"])):
        for claim in queue.claim(project=multi_project, annotator=person, count=9):
            save_label(image_id=claim.image_id, annotator=person, categories=names)
    pair = (category(multi_project, "sea"), category(multi_project, "sand"))

    assert groups_of(multi_project, pair).n == 3
    assert groups_of(multi_project, (category(multi_project, "sky"), pair[0])).n == 0
    assert len(images) == 3


def test_many_images_are_grouped_by_a_worker(project, two_questions, lena, page, monkeypatch):
    monkeypatch.setattr(disagreement_groups, "AT_ONCE", 5)

    first = page(lena)
    assert "being grouped" in first.content.decode() and "data-again" in first.content.decode()

    assert cache.refresh_wanted(cached_reports.compute) >= 1
    then = page(lena)
    assert "These 10 are one question" in then.content.decode()
    pair = f"{category(project, 'cat')},{category(project, 'dog')}"
    page(lena, f"?pair={pair}")
    cached_reports.refresh()
    assert (
        Snapshot.objects.filter(project=project, name__startswith=f"contested:{pair}").get().value["report"]["n"] == 10
    )


# ---------------------------------------------------------------- the page


def test_the_page_shows_each_question_with_its_votes_and_a_way_to_answer_it(project, two_questions, lena, page):
    html = page(lena).content.decode()

    assert html.index("These 10 are one question") < html.index("These 8 are one question")
    assert html.count('class="badge"') == 2 and html.count("<use class=") == 18  # the map
    assert "Show as table" in html
    like = two_questions[0][0].pk
    assert re.search(r"/agreement/contested/rule/\?like=\d+", html) and str(like) in html


def test_a_reviewer_reads_and_does_not_rule(two_questions, rev, ann, page):
    response = page(rev)

    assert response.status_code == 200 and "Write the rule" not in response.content.decode()
    assert page(ann).status_code == 403


def test_the_number_of_queries_does_not_grow_with_the_groups(
    project, two_questions, lena, page, django_assert_max_num_queries
):
    page(lena)
    with django_assert_max_num_queries(22):
        page(lena)


def test_without_features_the_page_says_what_brings_them(project, ann, bea, lena, page):
    divide(project, add_images(project, 2), ann, bea)
    html = page(lena).content.decode()

    assert "Training a model brings it" in html and "2 images are not looked at yet" in html


def test_a_project_in_peace_has_an_empty_page(project, lena, page):
    assert "Nobody disagrees" in page(lena, "?pair=x,1").content.decode()


# ---------------------------------------------------------------- the arithmetic


def test_two_components_show_a_flat_cloud_whole():
    rng = np.random.default_rng(3)
    flat = rng.normal(size=(50, 2)) @ rng.normal(size=(2, 20)) * 1e-3 + rng.normal(size=20)

    found = reduce(flat)

    assert found.share > 0.999
    x = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    apart = np.linalg.norm(x[:, None] - x[None], axis=2)
    assert np.abs(np.linalg.norm(found.points[:, None] - found.points[None], axis=2) - apart).max() < 1e-3 * apart.max()


def test_many_long_vectors_give_the_map_of_the_whole_decomposition():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(400, 300)) + 4 * rng.integers(0, 3, 400)[:, None] * rng.normal(size=300)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    unit -= unit.mean(axis=0)
    _u, s, _v = np.linalg.svd(unit, full_matrices=False)

    found = reduce(x)

    assert found.share == pytest.approx((s[:2] ** 2).sum() / (s**2).sum(), rel=0.02)
    assert found.points[np.abs(found.points[:, 0]).argmax(), 0] > 0  # the sign has a rule


def test_groups_survive_the_reduction_and_noise_stays_one_group():
    rng = np.random.default_rng(5)
    group = np.repeat([0, 1, 2], 40)
    apart = rng.normal(size=(3, 300))[group] * 0.6 + rng.normal(size=(120, 300))

    found = group_by_look(reduce(apart).compact)

    assert all(len(set(found.group[group == g].tolist())) == 1 for g in range(3)) and found.group.max() == 2
    assert group_by_look(reduce(rng.normal(size=(120, 300))).compact).group.max() == 0


@pytest.mark.parametrize("vectors", [np.zeros((0, 5)), np.ones((1, 5)), np.ones((12, 5)), np.zeros((3, 4))])
def test_vectors_without_differences_have_a_map_without_differences(vectors):
    found = reduce(vectors)
    assert found.points.shape == (len(vectors), 2) and np.abs(found.points).max(initial=0) < 1e-9
    assert found.share == 0


def test_infinite_vectors_are_refused():
    with pytest.raises(ValueError, match="finite"):
        reduce([[np.inf, 1.0]])


def test_the_hull_of_a_square_is_its_corners():
    points = [(0, 0), (1, 0), (0.5, 0.5), (1, 1), (0, 1), (0.5, 0)]
    assert sorted(hull(points).tolist()) == [0, 1, 3, 4]
    assert hull([(2, 3)]).tolist() == [0]


def test_badges_of_groups_in_one_place_do_not_lie_on_each_other():
    dots = [charts.Dot(0.5, 0.5, 1, 1, "<b>", "/x/")]
    areas = [charts.Area(n, f"Group {n}", f"#g{n}", dots) for n in (1, 2, 3)]

    drawn = charts.group_map("Map", "Three.", areas, words=chart_words(), head=("Group",), rows=[("1",)])

    middles = [tuple(map(float, m)) for m in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', drawn)]
    distances = [np.hypot(a[0] - b[0], a[1] - b[1]) for n, a in enumerate(middles) for b in middles[n + 1 :]]
    assert len(middles) == 3 and min(distances) >= 26  # two radii
    assert "<b>" not in drawn and "style=" not in drawn


def test_a_point_without_a_place_cannot_be_drawn():
    nowhere = charts.Area(1, "a", "#a", [charts.Dot(float("nan"), 0.5, 1, 1, "a")])
    with pytest.raises(ValueError, match="cannot draw"):
        charts.group_map("Map", "", [nowhere], words=chart_words(), head=(), rows=())
