"""Judgements that were made elsewhere come in by labels-csv: exact, once, blind, and never over somebody's answer."""

import csv
import hashlib
from datetime import UTC, datetime

import pytest
from django.contrib.auth import authenticate, get_user_model

from labeler.agreement import reports
from labeler.errors import NotPossibleNow
from labeler.intake import import_labels
from labeler.intake.formats import judgements
from labeler.intake.formats.judgements import Judgement
from labeler.label_set import categories
from labeler.labeling import claims, label_arrays
from labeler.labeling.label_arrays import Selection
from labeler.labeling.labels import save_label, undo
from labeler.models import AuditEvent, Claim, Job, Label, QueueEntry
from labeler.stats import dawid_skene
from tests.helpers.factories import add_images, bring_labels, make_project, make_user


@pytest.fixture
def bring(tmp_path, lena):
    """`bring(project, text)`: what became of the rows of this CSV, from a lead who says that they were given blind."""

    def bring(project, text, *, by=lena, **params):
        path = tmp_path / "labels.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        rows = judgements.read(path, multi=project.is_multi)
        return bring_labels(project, by, rows, **params)

    return bring


@pytest.fixture
def boss(db):
    return make_user("boss", is_superuser=True)


def named(project, *names, **fields):
    return [add_images(project, 1, name=name, **fields)[0] for name in names]


def reasons(outcome):
    return [(row.row, row.reason) for row in outcome.refused]


def seats_are_right(project):
    for entry in QueueEntry.objects.filter(project=project):
        held = Claim.objects.filter(image=entry.image_id, holds_seat=True, round=entry.round).count()
        assert entry.seats_left + held == entry.seats, entry
    return True


def test_rows_become_blind_votes_of_people_who_cannot_log_in(project, bring):
    a, b = named(project, "a.jpg", "b.jpg")
    outcome = bring(project, "file_name,annotator,label\na.jpg,zoe,cat\na.jpg,yan,dog\nb.jpg,zoe,fox\n")

    assert (outcome.labels_added, outcome.duplicates, outcome.n_refused) == (3, 0, 0)
    zoe = get_user_model().objects.get(username="zoe")
    assert not zoe.has_usable_password() and authenticate(username="zoe", password="") is None
    label = Label.objects.get(image=a, annotator=zoe)
    assert (label.shown_prediction_id, label.chosen_by, label.extra, label.purpose) == (None, "random", False, "vote")
    assert label.is_blind and label.source_import == Job.objects.get()
    a.refresh_from_db()
    assert (a.status, a.n_votes) == ("disputed", 2)
    assert reports.agreement(project, Selection())["n_labels"] == 3
    assert seats_are_right(project)
    assert QueueEntry.objects.get(pk=b.pk).seats_left == 1


def test_an_image_gets_as_many_seats_as_there_are_judgements(project, bring):
    (image,) = named(project, "a.jpg")
    rows = "".join(f"a.jpg,person{n},cat\n" for n in range(7))
    bring(project, "file_name,annotator,label\n" + rows)
    image.refresh_from_db()
    entry = QueueEntry.objects.get(pk=image.pk)
    assert (image.n_votes, image.status, entry.seats, entry.seats_left) == (7, "settled", 7, 0)


def test_the_same_file_twice_changes_nothing(project, bring):
    named(project, "a.jpg", "b.jpg")
    text = "file_name,annotator,label\na.jpg,zoe,cat\nb.jpg,zoe,dog\n"
    bring(project, text)
    again = bring(project, text)
    assert (again.labels_added, again.duplicates, again.n_refused) == (0, 2, 0)
    assert Label.objects.count() == 2 and seats_are_right(project)


def test_a_person_killed_before_their_labels_were_in_is_known_the_next_time(project, bring):
    named(project, "a.jpg")
    bring(project, "file_name,annotator,label\nnone.jpg,zoe,cat\n")  # as if a worker had died after zoe's account
    assert bring(project, "file_name,annotator,label\na.jpg,zoe,cat\n").labels_added == 1


def test_nobodys_answer_is_replaced(project, bring, ann, boss):
    (image,) = named(project, "a.jpg")
    claims.claim(project=project, annotator=ann)
    save_label(image_id=image.pk, annotator=ann, categories=["cat"])
    outcome = bring(project, "file_name,annotator,label\na.jpg,ann,dog\n", by=boss)
    assert reasons(outcome) == [(2, "There is another answer of this person on this image already.")]
    assert Label.objects.get(image=image, superseded_at=None).categories == [project.categories.get(name="cat").pk]


def test_a_member_who_has_the_image_open_keeps_one_claim(project, bring, ann, boss):
    (image,) = named(project, "a.jpg")
    claims.claim(project=project, annotator=ann)
    bring(project, "file_name,annotator,label\na.jpg,ann,dog\n", by=boss)
    claim = Claim.objects.get(image=image, annotator=ann)
    assert (claim.state, claim.holds_seat) == ("answered", True)
    assert seats_are_right(project)


def test_who_can_log_in_gets_no_labels_put_in_their_mouth(project, bring, ann, lena, carl):
    """A member, the lead herself, a stranger, and one whose account is closed: whatever the capitals."""
    named(project, "a.jpg")
    get_user_model().objects.create_user("gone", password="once-upon-a-time", is_active=False)
    rows = [f"a.jpg,{name},dog" for name in ("ann", "Ann", "lena", "carl", "GONE", "zoe")]
    outcome = bring(project, "\n".join(["file_name,annotator,label", *rows]))
    assert [row.row for row in outcome.refused] == [2, 3, 4, 5, 6] and outcome.labels_added == 1
    assert outcome.refused[1].reason == import_labels.OF_A_PERSON % {"name": "Ann"}
    assert set(Label.objects.values_list("annotator__username", flat=True)) == {"zoe"}


def test_an_administrator_may_import_for_people_and_it_is_marked_and_written_down(project, bring, ann, boss):
    (image,) = named(project, "a.jpg")
    assert bring(project, "file_name,annotator,label\na.jpg,ANN,dog\na.jpg,zoe,dog\n", by=boss).labels_added == 2
    job = Job.objects.get()
    assert Label.objects.get(annotator=ann, image=image).source_import == job
    event = AuditEvent.objects.get(action="labels.import_for")
    assert (event.actor, event.details) == (boss, {"import": job.pk, "people": ["ann"]})

    boss.is_superuser = False  # asked when the import runs, not when it was asked for
    outcome = bring(project, "file_name,annotator,label\na.jpg,carl,dog\na.jpg,ann,cat\n", by=boss)
    assert "can log in" in outcome.refused[0].reason and outcome.refused[0].row == 3


def test_a_person_who_was_brought_in_and_then_got_a_way_in_is_a_person_like_any(project, bring):
    named(project, "a.jpg", "b.jpg")
    bring(project, "file_name,annotator,label\na.jpg,zoe,dog\n")
    zoe = get_user_model().objects.get(username="zoe")
    zoe.set_password("a-way-in-for-zoe")
    zoe.save()
    assert "can log in" in bring(project, "file_name,annotator,label\nb.jpg,zoe,dog\n").refused[0].reason


def test_names_are_the_same_whatever_their_capitals(project, bring):
    named(project, "a.jpg", "b.jpg", "c.jpg")
    outcome = bring(project, "file_name,annotator,label\na.jpg,Zoé,cat\nb.jpg,zoé,cat\na.jpg,ZOE\u0301,dog\n")
    assert outcome.labels_added == 2
    assert reasons(outcome) == [(4, "Row 2 has another answer of ZOE\u0301 on this image.")]
    bring(project, "file_name,annotator,label\nc.jpg,ZOÉ,cat\n")
    (person,) = set(Label.objects.values_list("annotator__username", flat=True))
    assert person == "Zoé"


def test_of_accounts_that_differ_by_capitals_alone_the_exact_one_is_meant_or_none(project, bring, boss):
    named(project, "a.jpg")
    for name in ("Zoe", "zoe"):  # from days when both could be
        make_user(name)
    outcome = bring(project, "file_name,annotator,label\na.jpg,Zoe,cat\na.jpg,zoe,dog\na.jpg,ZOE,fox\n", by=boss)
    assert outcome.labels_added == 2 and reasons(outcome) == [(4, str(import_labels.SEVERAL))]


def test_labels_that_nobody_calls_blind_are_marked_and_in_no_figure_of_blind_ones(project, bring):
    (image,) = named(project, "a.jpg")
    text = "file_name,annotator,label,created_at\na.jpg,zoe,cat,2025-03-01\na.jpg,yan,cat,2025-03-01\n"
    bring(project, text, blind=False)
    job = Job.objects.get()
    assert set(Label.objects.values_list("informed", "chosen_by", "source_import")) == {(True, "elsewhere", job.pk)}
    assert not Label.objects.blind().exists() and Label.objects.votes().count() == 2
    assert reports.agreement(project, Selection())["n_labels"] == 0
    assert reports.agreement(project, Selection(labels="all", sample="all"))["n_labels"] == 2
    image.refresh_from_db()
    assert image.n_votes == 2
    events = AuditEvent.objects.filter(action__startswith="labels.")
    assert [(e.action, e.details) for e in events] == [
        ("labels.import", {"import": job.pk, "labels": 2, "blind": False})
    ]


def test_who_says_that_labels_were_given_blind_is_written_down_before_any_is_in(project, bring, lena, monkeypatch):
    named(project, "a.jpg")
    monkeypatch.setattr(import_labels, "store", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bring(project, "file_name,annotator,label\na.jpg,zoe,cat\n")
    event = AuditEvent.objects.get(action="labels.declare_blind")
    assert (event.actor, event.project_id, event.details) == (lena, project.pk, {"import": Job.objects.get().pk})


def test_killed_and_run_again_an_import_counts_its_own_labels_as_its_own(project, bring, lena):
    named(project, "a.jpg", "b.jpg")
    rows = [Judgement(n, f"{name}.jpg", "zoe", ["cat"], "labeled", None, None) for n, name in enumerate("ab", 2)]
    bring(project, "file_name,annotator,label\na.jpg,zoe,cat\n")
    job = Job.objects.get()
    outcome = import_labels.import_judgements(job=job, rows=rows)
    assert (outcome.labels_added, outcome.duplicates, Label.objects.count()) == (2, 0, 2)
    assert seats_are_right(project)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("b.jpg,zoe,cat,,", "This project has no image of that name."),
        ("a.jpg,zoe,wolf,,", "This project has no class “wolf”."),
        ("a.jpg,zoe,,,", "The label is missing."),
        ("a.jpg,,cat,,", "file_name and annotator must be given."),
        ("a.jpg,z o e,cat,,", "An annotator's name has letters, digits and @ . + - _ only."),
        ("a.jpg,zoe,cat,2099-01-01,", judgements.NO_TIME),
        ("a.jpg,zoe,cat,soon,", judgements.NO_TIME),
        ("a.jpg,zoe,cat,,-1", judgements.NO_SECONDS),
        ("a.jpg,zoe,cat,,nan", judgements.NO_SECONDS),
    ],
)
def test_a_bad_row_refuses_itself_alone(project, bring, row, reason):
    named(project, "a.jpg")
    outcome = bring(project, f"file_name,annotator,label,created_at,seconds\n{row}\na.jpg,yan,dog,,\n")
    assert reasons(outcome) == [(2, reason)]
    assert outcome.labels_added == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The file is empty"),
        ("file_name,label\na,b\n", "annotator are missing"),
        (b"file_name,annotator,label\n\xff\xfe,a,b\n", "not UTF-8"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused_as_a_whole(project, bring, text, sentence):
    with pytest.raises(NotPossibleNow, match=sentence):
        bring(project, text)
    assert Label.objects.count() == 0


def test_times_semicolons_a_byte_order_mark_and_other_names_of_columns(project, bring):
    (image,) = named(project, "a.jpg")
    bring(project, "\ufeffimage;worker;class;created_at;seconds\na.jpg;zoe;Cat;2025-03-01T10:00:00Z;2.5\n".encode())
    label = Label.objects.get(image=image)
    assert (label.created_at, label.seconds) == (datetime(2025, 3, 1, 10, tzinfo=UTC), 2.5)


def test_blank_rows_are_passed_over_and_rows_without_a_name_are_refused_with_their_numbers(project, bring):
    named(project, "a.jpg", "＝b.jpg")
    text = (
        ' ,,\n\nfile_name,annotator,label\n\n,,\n" ","",\t\n;;;\n,zoe,cat\na.jpg,zoe,cat\n,,cat\n ,\u3000,\n'
        "'＝b.jpg,zoe,dog\na.jpg,,dog\n"
    )
    outcome = bring(project, text)
    missing = "file_name and annotator must be given."
    assert reasons(outcome) == [(8, missing), (10, missing), (13, missing)]
    assert outcome.labels_added == 2


def test_a_csv_whose_first_line_is_blank_is_known_by_its_header(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(",,\n\nfile_name,annotator,label\na.jpg,zoe,cat\n")
    assert judgements.is_table(path)
    path.write_text(",,\n\n")
    assert not judgements.is_table(path)


def test_cannot_tell_counts_as_an_answer_without_a_class(project, bring):
    (image,) = named(project, "a.jpg")
    bring(project, "file_name,annotator,label,answer\na.jpg,zoe,,cannot_tell\na.jpg,yan,cat,labeled\n")
    image.refresh_from_db()
    assert image.tally == {"?": 1, str(project.categories.get(name="cat").pk): 1}


def test_two_answers_of_one_person_in_one_file(project, bring):
    named(project, "a.jpg")
    outcome = bring(project, "file_name,annotator,label\na.jpg,zoe,cat\na.jpg,zoe,cat\na.jpg,zoe,dog\n")
    assert (outcome.labels_added, outcome.duplicates) == (1, 1)
    assert reasons(outcome) == [(4, "Row 2 has another answer of zoe on this image.")]


def test_several_classes_stand_in_one_cell_or_in_several_rows(multi_project, bring):
    a, b, c = named(multi_project, "a.jpg", "b.jpg", "c.jpg")
    text = "file_name,annotator,label\na.jpg,zoe,sky|sea\nb.jpg,zoe,sky\nb.jpg,zoe,sand\nc.jpg,zoe,\n"
    bring(multi_project, text)
    index = categories.index(multi_project)
    said = {label.image_id: index.label(label.categories) for label in Label.objects.all()}
    assert said == {a.pk: ["sky", "sea"], b.pk: ["sky", "sand"], c.pk: []}
    assert judgements.split_classes(r"a\|b|c\\d| ") == ["a|b", "c\\d"]


def test_a_name_without_its_folder_finds_the_only_image_that_has_it(project, bring):
    named(project, "x/a.jpg", "x/b.jpg", "y/b.jpg")
    outcome = bring(project, "file_name,annotator,label\na.jpg,zoe,cat\nb.jpg,zoe,cat\ny/b.jpg,zoe,cat\n")
    assert outcome.labels_added == 2
    assert reasons(outcome) == [(3, "Several images of this project have that name: give its folder too.")]


def test_how_many_queries_do_not_grow_with_the_rows(project, bring, django_assert_max_num_queries):
    named(project, *(f"{n}.jpg" for n in range(60)))
    bring(project, "file_name,annotator,label\n0.jpg,zoe,cat\n")
    text = "".join(f"{n}.jpg,zoe,cat\n" for n in range(1, 60))
    with django_assert_max_num_queries(32):
        bring(project, "file_name,annotator,label\n" + text)


def test_agreement_on_the_bluebirds_is_exact_to_the_last_digit(test_data, bring, db):
    """Through the product: image rows, the import, the report. 39 people, 108 images, 4,212 judgements."""
    lead = make_user("lead")
    project = make_project(lead=lead, categories=("bluebird", "other"), labels_per_image=2)
    with (test_data / "bluebirds" / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    for item in sorted({row["item"] for row in rows}):
        add_images(project, 1, name=f"{item}.jpg", sha256=hashlib.sha256(item.encode()).hexdigest())
    word = {row["label"] for row in rows} - {"bluebird"}
    assert len(word) == 1
    text = "".join(
        f"{row['item']}.jpg,{row['annotator']},{'bluebird' if row['label'] == 'bluebird' else 'other'}\n"
        for row in rows
    )
    outcome = bring(project, "file_name,annotator,label\n" + text)
    report = reports.agreement(project, Selection())

    assert (outcome.labels_added, outcome.n_refused) == (4212, 0)
    assert report["light"]["value"] == pytest.approx(0.139605, abs=5e-7)
    assert report["fleiss"]["value"] == pytest.approx(0.125293, abs=5e-7)
    assert report["alpha"]["value"] == pytest.approx(0.125501, abs=5e-7)
    assert len(report["pairs"]) == 741 and report["n_labels"] == 4212
    arrays = label_arrays.read_labels(project)
    assert dawid_skene.infer(
        arrays.image - arrays.image.min(), arrays.annotator, arrays.answers,
        n_images=int(arrays.image.max() - arrays.image.min()) + 1, n_annotators=39, n_categories=2, method="full",
    ).has_table.all()  # fmt: skip


def test_an_answer_that_was_taken_back_here_gives_way_to_the_one_from_elsewhere(project, bring, ann, boss):
    (image,) = named(project, "a.jpg")
    claims.claim(project=project, annotator=ann)
    save_label(image_id=image.pk, annotator=ann, categories=["dog"])
    undo(image_id=image.pk, annotator=ann)

    outcome = bring(project, "file_name,annotator,label\na.jpg,ann,cat\n", by=boss)

    assert (outcome.labels_added, outcome.n_refused) == (1, 0)
    now = Label.objects.current().get(image=image, annotator=ann)
    assert now.categories == [project.categories.get(name="cat").pk] and now.supersedes.answer == "undone"
    image.refresh_from_db()
    assert image.n_votes == 1 and seats_are_right(project)
