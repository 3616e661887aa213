"""Metadata of images: read from CSV and JSON Lines, merged field by field, by every way in, for those who may."""

from __future__ import annotations

import html
import io
import json
import re
from collections.abc import Iterable

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labeler.errors import NotPossibleNow, TooLarge
from labeler.intake import advice, import_metadata, lookup
from labeler.intake.formats import metadata
from labeler.intake.formats.metadata import Described, Listed, Table
from labeler.intake.outcomes import Refusal
from labeler.labeling import claims, labels
from labeler.models import AuditEvent, Image
from tests.helpers.api import as_person, error_of, with_token
from tests.helpers.factories import add_images, category, make_project
from tests.helpers.pages import url
from tests.helpers.pictures import picture
from worker.training import run_report
from worker.training.dataset import Dataset, Example


def table(text: str | bytes, **options) -> Table:
    return Table(io.BytesIO(text.encode() if isinstance(text, str) else text), **options)


def read(text: str | bytes, **options) -> list[Described | Refusal]:
    return list(table(text, **options))


def fields(text: str, **options) -> list[dict]:
    return [row.fields for row in read(text, **options) if isinstance(row, Described)]


def reasons(rows: Iterable) -> list[tuple[int, str]]:
    return [(row.row, row.reason) for row in rows if isinstance(row, Refusal)]


# ---------------------------------------------------------------- reading


def test_cells_become_numbers_and_truth_values_where_they_spell_them():
    (row,) = read(
        "file_name,camera,iso,gain,outdoors,indoors,zip,lot,far,many,day\n"
        "x/a.jpg, C-3 ,400,-1.5e-3,TRUE,False,01067,1.0,1e999,12345678901234567890,2026-03-02\n"
    )
    assert row == Described(2, "x/a.jpg", "file_name", {
        "camera": "C-3", "iso": 400, "gain": -0.0015, "outdoors": True, "indoors": False,
        "zip": "01067", "lot": 1.0, "far": "1e999", "many": "12345678901234567890", "day": "2026-03-02",
    })  # fmt: skip
    assert [type(value) for value in row.fields.values()][:5] == [str, int, float, bool, bool]


def test_blank_rows_are_passed_over_and_rows_without_a_name_are_refused_with_their_numbers():
    which = "Which image? file_name, sha256 or id must be given."
    rows = read(',\n\nfile_name,camera\n,\n" ",\t\n;;\na.jpg,C-3\n,C-7\n\u3000,\n')
    assert [row.row for row in rows if isinstance(row, Described)] == [7] and reasons(rows) == [(8, which)]
    rows = read('\n{"file_name": "a.jpg", "camera": 3}\n{}\n \n{"file_name": "", "camera": null}\n{"camera": 7}\n')
    assert [row.row for row in rows if isinstance(row, Described)] == [2] and reasons(rows) == [(6, which)]
    rows = list(Listed([{}, {"file_name": "a.jpg", "camera": 3}, {"file_name": None, "camera": 7}]))
    assert [row.row for row in rows if isinstance(row, Described)] == [2] and reasons(rows) == [(3, which)]


def test_an_empty_cell_says_nothing_unless_it_shall_take_away():
    text = "file_name,camera,site\na.jpg,, \nb.jpg,C-3,\n"
    assert fields(text) == [{}, {"camera": "C-3"}]
    assert fields(text, remove_empty=True) == [{"camera": None, "site": None}, {"camera": "C-3", "site": None}]


def test_semicolons_a_byte_order_mark_quotes_and_a_column_without_a_name():
    text = '\ufeff;File_Name;Note\n0;a.jpg;"near; the ""gate"""\n1;b.jpg;\n\n'
    assert [(row.row, row.image, row.fields) for row in read(text)] == [
        (2, "a.jpg", {"Note": 'near; the "gate"'}), (3, "b.jpg", {}),
    ]  # fmt: skip


def test_json_lines_keep_types_and_null_takes_a_field_away():
    lines = [
        {"file_name": "a.jpg", "camera": "007", "iso": 400, "outdoors": False, "site": None, "empty": "  "},
        {"sha256": "AB" * 32, "gain": 0.5},
        {"id": 31, "gain": 1},
    ]
    text = json.dumps(lines[0]) + "\r\n\n" + "\n".join(json.dumps(line) for line in lines[1:])
    assert read(text) == [
        Described(1, "a.jpg", "file_name", {"camera": "007", "iso": 400, "outdoors": False, "site": None}),
        Described(3, "ab" * 32, "sha256", {"gain": 0.5}),
        Described(4, 31, "id", {"gain": 1}),
    ]


def test_one_column_names_the_image_and_the_others_are_fields():
    assert read("id,name,camera\n7,a.jpg,C-3\n") == [
        Described(2, "a.jpg", "file_name", {"id": 7, "camera": "C-3"})
    ]  # fmt: skip
    assert read("image;gain\na.jpg;1\n")[0].image == "a.jpg"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('{"camera": "C-3"}', "Which image? file_name, sha256 or id must be given."),
        ('{"file_name": "", "camera": "C-3"}', "Which image? file_name, sha256 or id must be given."),
        ('{"file_name": 3, "camera": "C-3"}', "file_name must be a text."),
        ('{"file_name": "a\\u0000.jpg"}', "This is no name of a file: it is too long, or has a control character."),
        ('{"file_name": "a\\ud800.jpg"}', "This is no name of a file: it is too long, or has a control character."),
        ('{"id": true}', "id must be the number of an image."),
        ('{"id": -1}', "id must be the number of an image."),
        ('{"id": 1.5}', "id must be the number of an image."),
        ('{"sha256": "abc"}', "sha256 must be 64 hexadecimal digits."),
        ('{"file_name": "a", "x": [1]}',
         "“x” must be a text, a number, true or false; lists and objects are not taken."),
        ('{"file_name": "a", "x": {"y": 1}}',
         "“x” must be a text, a number, true or false; lists and objects are not taken."),
        ('{"file_name": "a", "x": 1e999}', "“x” is a number out of range."),
        ('{"file_name": "a", "x": 9223372036854775808}', "“x” is a number out of range."),
        ('{"file_name": "a", "x": "two\\nlines"}', "“x” has a line break or a control character."),
        ('{"file_name": "a", "x": "nul\\u0000"}', "“x” has a line break or a control character."),
        ('{"file_name": "a", "x": "half \\ud800"}', "“x” has a line break or a control character."),
        ('{"file_name": "a", "x\\ty": 1}', "The name of the field “x\ufffdy” has a line break or a control character."),
        ('{"file_name": "a", " ": 1}', "A field has no name."),
        ('{"file_name": "a", "x": 1, "x ": 2}', "“x” is there twice."),
        (json.dumps({"file_name": "a", "x": "y" * 1001}), "“x” has at most 1,000 characters, and this has 1,001."),
        (json.dumps({"file_name": "a", "k" * 101: 1}),
         f"The name of a field has at most 100 characters: “{'k' * 100}” is too long."),
        (json.dumps({"file_name": "a", **{f"k{n}": n for n in range(51)}}), "An image has at most 50 fields."),
        ("[1]", "This is no object: each line is one, as {“file_name”: …, “field”: …}."),
        ("7", "This is no object: each line is one, as {“file_name”: …, “field”: …}."),
    ],
)  # fmt: skip
def test_a_bad_line_is_refused_alone_with_its_number(row, reason):
    text = '{"file_name": "good.jpg", "x": 1}\n' + row + '\n{"file_name": "b.jpg", "x": 2}\n'
    rows = read(text)
    assert reasons(rows) == [(2, reason)]
    assert [row.image for row in rows if isinstance(row, Described)] == ["good.jpg", "b.jpg"]
    assert advice.advice_for(reason) in ("", *ADVICE)


ADVICE = [
    said for piece, said in advice.table()
    if piece in ("image with this", "one row holds all", "control character", "lists and objects",
                 "fields, and with these", "no image of that name", "images of this project have that name")
]  # fmt: skip


@pytest.mark.parametrize(
    "line", ['{"file_name": "a", "x": NaN}', '{"file_name"', "x" * 20, "[" * 100_000, '{"x": ' + "9" * 5000 + "}"]
)
def test_a_line_that_is_no_json_is_refused_alone(line):
    ((row, reason),) = reasons(read('{"file_name": "a"}\n' + line + '\n{"file_name": "b"}'))
    assert row == 2 and reason.startswith("This line is no JSON: ") and len(reason) < 250


def test_a_bad_row_of_a_csv_is_refused_alone_with_its_number():
    text = (
        "file_name,camera,note\n"
        ",C-3,\n"  # 2
        "a.jpg,C-3,near, the gate\n"  # 3: a comma that is not in quotes
        'b.jpg,C-3,"two\nlines"\n'  # 4
        f"c.jpg,{'x' * 1001},\n"  # 5
        "d.jpg,C-3,fine,,\n"  # 6: the ends of a spreadsheet's line
        "e.jpg\n"  # 7
    )
    rows = read(text)
    assert reasons(rows) == [
        (2, "Which image? file_name, sha256 or id must be given."),
        (3, "There is a cell too much: put quotes around a text with a separator."),
        (4, "“note” has a line break or a control character."),
        (5, "“camera” has at most 1,000 characters, and this has 1,001."),
    ]
    assert [row.image for row in rows if isinstance(row, Described)] == ["d.jpg", "e.jpg"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The file is empty"),
        ("\n\n", "The file is empty"),
        ("camera,site\nC-3,north\n", "must name file_name"),
        ("file_name\na.jpg\n", "no field beside file_name"),
        ("file_name,camera,camera\n", "“camera” is there twice"),
        ("file_name,camera,file_name\n", "“file_name” is there twice"),
        ("file_name," + ",".join(f"k{n}" for n in range(51)), "at most 50 fields"),
        ("file_name," + "k" * 101, "at most 100 characters"),
        ('[{"file_name": "a.jpg"}]', "Write JSON Lines"),
        (b"file_name,camera\na.jpg,C\xff\n", "not UTF-8"),
        ("file_name,camera\na.jpg,\xfc\n".encode("utf-16"), "not UTF-8"),
        ('file_name,camera\na.jpg,"' + "x\n" * 100_000, "no CSV"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused_as_a_whole(text, sentence):
    with pytest.raises(NotPossibleNow, match=sentence):
        read(text)


def test_the_limits_of_a_file(monkeypatch):
    monkeypatch.setattr(metadata, "MOST_ROWS", 2)
    assert len(read("file_name,x\na,1\nb,2\n")) == 2
    with pytest.raises(NotPossibleNow, match="at most 2 rows"):
        read("file_name,x\na,1\nb,2\nc,3\n")
    with pytest.raises(NotPossibleNow, match="at most 2 rows"):
        list(Listed([{"id": n} for n in range(1, 4)]))
    monkeypatch.setattr(metadata, "MOST_BYTES", 19)
    with pytest.raises(TooLarge, match="split it"):
        table("file_name,x\na,1\nb,2\n")


# ---------------------------------------------------------------- writing


@pytest.fixture
def images(project):
    return [add_images(project, 1, name=name)[0] for name in ("x/a.jpg", "x/b.jpg", "y/b.jpg")]


def bring(project, by, text, **options):
    return import_metadata.describe(project=project, by=by, rows=table(text, **options))


def known(image: Image) -> dict:
    image.refresh_from_db()
    return image.metadata


def counts(outcome) -> tuple[int, int, int]:
    return outcome.updated, outcome.unchanged, outcome.n_refused


def test_rows_change_the_fields_they_name_and_leave_the_others(project, images, lena):
    a, b, c = images
    Image.objects.filter(pk=a.pk).update(metadata={"camera": "C-1", "site": "north", "tags": ["kept"]})

    outcome = bring(project, lena, "file_name,camera,iso\nx/a.jpg,C-3,400\nx/b.jpg,,200\n")

    assert counts(outcome) == (2, 0, 0)
    assert known(a) == {"camera": "C-3", "site": "north", "tags": ["kept"], "iso": 400}
    assert (known(b), known(c)) == ({"iso": 200}, {})


def test_the_same_table_once_more_changes_nothing_and_writes_nothing(project, images, lena):
    text = "file_name,a,b,c,d\nx/a.jpg,1,1.0,true,1e15\nx/b.jpg,0.1,-0,false,1.2345678901234567e15\n"
    assert counts(bring(project, lena, text)) == (2, 0, 0)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert counts(bring(project, lena, text)) == (0, 2, 0)
    assert not [query for query in queries.captured_queries if query["sql"].lstrip().startswith(("UPDATE", "INSERT"))]
    assert AuditEvent.objects.filter(action="metadata.import").count() == 1


def test_true_and_one_are_two_values(project, images, lena):
    bring(project, lena, "file_name,x\nx/a.jpg,1\n")
    assert bring(project, lena, "file_name,x\nx/a.jpg,true\n").updated == 1
    assert known(images[0])["x"] is True


def test_null_and_empty_cells_that_shall_take_away_remove_a_field(project, images, lena):
    a = images[0]
    bring(project, lena, "file_name,camera,site\nx/a.jpg,C-3,north\n")
    bring(project, lena, '{"file_name": "x/a.jpg", "camera": null, "never": null}')
    assert known(a) == {"site": "north"}
    bring(project, lena, "file_name,site\nx/a.jpg,\n", remove_empty=True)
    assert known(a) == {}


def test_images_are_found_by_name_by_hash_and_by_id_and_only_in_this_project(project, images, lena):
    _a, b, c = images
    other = add_images(make_project(), 1, name="z.jpg")[0]
    rows = [
        {"file_name": "a.jpg", "x": 1}, {"sha256": b.sha256.upper(), "x": 2}, {"id": c.pk, "x": 3},
        {"file_name": "b.jpg", "x": 4}, {"file_name": "z.jpg", "x": 5}, {"sha256": other.sha256, "x": 6},
        {"id": other.pk, "x": 7}, {"id": 10**18, "x": 8},
    ]  # fmt: skip

    outcome = import_metadata.describe(project=project, by=lena, rows=Listed(rows))

    assert [known(image) for image in images] == [{"x": 1}, {"x": 2}, {"x": 3}]
    assert [(row.row, row.name, row.reason) for row in outcome.refused] == [
        (4, "b.jpg", "Several images of this project have that name: give its folder too."),
        (5, "z.jpg", "This project has no image of that name."),
        (6, other.sha256, "This project has no image with this sha256."),
        (7, str(other.pk), "This project has no image with this id."),
        (8, str(10**18), "This project has no image with this id."),
    ]
    assert known(other) == {}


def test_two_rows_of_one_image_are_one_too_many_also_far_apart(project, images, lena, monkeypatch):
    monkeypatch.setattr(lookup, "LOOKED_UP", 1)
    outcome = bring(project, lena, f'{{"id": {images[0].pk}, "x": 1}}\n{{"file_name": "x/a.jpg", "x": 2}}')
    assert [(r.row, r.reason) for r in outcome.refused] == [
        (2, "An earlier row speaks of the same image: one row holds all of it.")
    ]
    assert known(images[0]) == {"x": 1}


def test_an_image_has_no_more_fields_than_it_may_also_by_several_tables(project, images, lena):
    bring(project, lena, json.dumps({"file_name": "x/a.jpg", **{f"k{n}": n for n in range(50)}}))
    more = bring(project, lena, "file_name,k50\nx/a.jpg,1\nx/b.jpg,1\n")
    assert [r.reason for r in more.refused] == ["An image has at most 50 fields, and with these it would have 51."]
    assert more.updated == 1
    swapped = bring(project, lena, '{"file_name": "x/a.jpg", "k0": null, "k50": 1}')
    assert swapped.updated == 1 and len(known(images[0])) == 50


def test_a_file_that_breaks_off_in_the_middle_changes_nothing(project, images, lena):
    with pytest.raises(NotPossibleNow):
        bring(project, lena, b"file_name,x\nx/a.jpg,1\nx/b.jpg,\xff\n")
    assert known(images[0]) == {} and not AuditEvent.objects.filter(action="metadata.import").exists()


def test_what_was_done_is_audited(project, images, lena):
    bring(project, lena, "file_name,camera,iso\nx/a.jpg,C-3,1\nnone.jpg,C-3,2\n")
    event = AuditEvent.objects.get(action="metadata.import")
    assert (event.actor, event.project_id, event.details) == (lena, project.pk, {
        "rows": 2, "fields": ["camera", "iso"],
    })  # fmt: skip


def test_a_stop_keeps_the_batches_before_it_and_who_brought_them_and_again_completes_it(
    project, images, lena, monkeypatch
):
    monkeypatch.setattr(import_metadata, "BATCH_IMAGES", 1)

    def stop(outcome, total):
        raise KeyboardInterrupt

    rows = table("file_name,x\nx/a.jpg,1\nx/b.jpg,1\ny/b.jpg,1\n")
    with pytest.raises(KeyboardInterrupt):
        import_metadata.describe(project=project, by=lena, rows=rows, progress=stop)

    assert [known(image) for image in images] == [{"x": 1}, {}, {}]
    assert AuditEvent.objects.filter(action="metadata.import").count() == 1
    assert counts(import_metadata.describe(project=project, by=lena, rows=rows)) == (2, 1, 0)


def test_queries_come_by_the_batch_and_lock_images_by_rising_id(project, lena):
    add_images(project, 300)
    names = list(Image.objects.order_by("-pk").values_list("name", flat=True))
    text = "file_name,x\n" + "".join(f"{name},1\n" for name in names)
    with CaptureQueriesContext(connection) as queries:
        assert bring(project, lena, text).updated == 300
    said = [query["sql"] for query in queries.captured_queries]
    assert len(said) <= 6, said  # names, savepoint, lock, write, audit, savepoint
    (locking,) = [sql for sql in said if "FOR NO KEY UPDATE" in sql]
    assert locking.startswith('SELECT "labeler_image"."id"') and "ORDER BY 1 ASC FOR" in locking


@pytest.mark.django_db(transaction=True)
def test_each_batch_is_a_transaction_of_its_own(project, lena, monkeypatch):
    """Nobody who saves a label waits for the whole table: between two batches no lock is held."""
    monkeypatch.setattr(import_metadata, "BATCH_IMAGES", 2)
    add_images(project, 5)
    text = "file_name,x\n" + "".join(f"{name},1\n" for name in Image.objects.values_list("name", flat=True))
    open_at = []
    import_metadata.describe(
        project=project, by=lena, rows=table(text),
        progress=lambda outcome, total: open_at.append((connection.in_atomic_block, outcome.updated, total)),
    )  # fmt: skip
    assert open_at == [(False, 2, 5), (False, 4, 5), (False, 5, 5), (False, 5, 5)]


def test_labels_and_counters_stay_as_they_are(project, ann, lena):
    (image,) = add_images(project, 1, name="a.jpg")
    claims.claim(project=project, annotator=ann)
    labels.save_label(image_id=image.pk, annotator=ann, categories=["cat"])
    before = Image.objects.filter(pk=image.pk).values().get()
    bring(project, lena, "file_name,x\na.jpg,1\n")
    assert Image.objects.filter(pk=image.pk).values().get() == {**before, "metadata": {"x": 1}}


def test_the_model_page_learns_where_the_model_is_worse(project, lena):
    images = add_images(project, 100)
    rows = [{"id": image.pk, "camera": "old" if k < 40 else "new", "indoors": True} for k, image in enumerate(images)]
    import_metadata.describe(project=project, by=lena, rows=Listed(rows))
    ids = [category(project, name) for name in ("cat", "dog", "fox")]
    examples = [Example(image.pk, image.sha256, [ids[0]]) for image in images]
    right = np.r_[np.arange(40) % 2 == 0, np.ones(60, bool)]
    said = np.where(right[:, None], [0.9, 0.06, 0.04], [0.1, 0.54, 0.36])

    found = run_report.by_metadata(Dataset(False, ids, ["cat", "dog", "fox"], test=examples), np.empty((0, 3)), said)

    assert [report["field"] for report in found] == ["camera"]
    worst = found[0]["slices"][0]
    assert (worst["value"], worst["n"], worst["worse"]) == ("old", 40, True)


# ---------------------------------------------------------------- REST


def address(project) -> str:
    return f"/api/projects/{project.pk}/metadata/"


CSV = "file_name,camera,outdoors\nx/a.jpg,C-3,true\nx/b.jpg,C-7,false\nnone.jpg,C-3,\nb.jpg,C-3,\n"


def sent(client, project, text, **more):
    file = SimpleUploadedFile("table.csv", text.encode(), content_type="text/csv")
    return client.post(address(project), {"file": file, **more}, format="multipart")


def test_a_form_and_a_list_say_what_became_of_their_rows(project, images, lena):
    client = as_person(lena)
    answer = sent(client, project, CSV)
    assert answer.status_code == 200
    assert answer.json() == {"updated": 2, "unchanged": 0, "refused": [
        {"row": 4, "name": "none.jpg", "reason": "This project has no image of that name."},
        {"row": 5, "name": "b.jpg",
         "reason": "Several images of this project have that name: give its folder too."},
    ]}  # fmt: skip
    rows = [{"file_name": "x/a.jpg", "camera": None, "altitude": 420.5}, {"id": images[1].pk, "camera": "C-7"}, 3]
    answer = client.post(address(project), rows, format="json").json()
    assert (answer["updated"], answer["unchanged"], [row["row"] for row in answer["refused"]]) == (1, 1, [3])
    found = client.get(f"/api/projects/{project.pk}/images/?metadata.altitude=420.5&metadata.outdoors=true").json()
    assert [image["name"] for image in found["results"]] == ["x/a.jpg"]
    assert sent(client, project, "file_name,outdoors\nx/a.jpg,\n", empty_removes="true").json()["updated"] == 1
    assert known(images[0]) == {"altitude": 420.5}


def test_only_leads_write_and_a_stranger_does_not_learn_of_the_project(project, images, ann, rev, carl, lena):
    rows = [{"file_name": "x/a.jpg", "camera": "C-3"}]
    for person, status in ((ann, 403), (rev, 403), (carl, 404)):
        for answer in (as_person(person).post(address(project), rows, format="json"),
                       sent(as_person(person), project, CSV)):  # fmt: skip
            assert answer.status_code == status
            error_of(answer)
    assert with_token(lena, "read", "label", "export").post(address(project), rows, format="json").status_code == 403
    assert known(images[0]) == {}
    assert with_token(lena, "manage").post(address(project), rows, format="json").status_code == 200


def test_annotators_see_no_more_than_before(project, images, ann, rev, lena):
    sent(as_person(lena), project, CSV)
    path = f"/api/images/{images[0].pk}/"
    assert as_person(ann).get(path).json()["metadata"] == {}
    assert as_person(ann).get(f"/api/projects/{project.pk}/images/?metadata.camera=C-3").status_code == 403
    assert as_person(rev).get(path).json()["metadata"] == {"camera": "C-3", "outdoors": True}


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 400), ({"file": "x"}, 400), ("text", 400), ([["a"]], 200), ([], 200), ([{"file_name": "a", "d": {}}], 200)],
)
def test_whatever_a_program_sends_gets_a_sentence(project, images, lena, body, status):
    answer = as_person(lena).post(address(project), body, format="json")
    assert answer.status_code == status
    if status != 200:
        error_of(answer)


def test_a_form_that_cannot_be_used_gets_a_sentence(project, images, lena, monkeypatch):
    client = as_person(lena)
    assert error_of(sent(client, project, "camera\nC-3\n")) == "not_possible_now"
    assert error_of(sent(client, project, CSV, empty_removes="perhaps")) == "invalid"
    assert client.post(address(project), {"file": "no file"}, format="multipart").status_code == 400
    monkeypatch.setattr(metadata, "MOST_BYTES", 10)
    answer = sent(client, project, CSV)
    assert (answer.status_code, error_of(answer)) == (413, "too_large")


def test_a_form_that_django_keeps_on_the_disk_is_read_too(project, images, lena, settings):
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 10
    assert sent(as_person(lena), project, CSV).json()["updated"] == 2


# ---------------------------------------------------------------- the page


def text_of(response) -> str:
    """What a page says, without its tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", response.content.decode())).split())


pages = pytest.mark.usefixtures("uncollected_static_files")


@pages
def test_the_form_takes_a_table_in_and_tells_once_what_became_of_it(as_, project, images, lena):
    client = as_(lena)
    empty = text_of(client.get(url("import", project)))
    assert "Metadata of the images" in empty and "Images as they were" not in empty
    assert "file_name,camera,outdoors x/a.jpg,C-3,true" in empty  # an example with names of this project

    file = SimpleUploadedFile("cameras.csv", CSV.encode(), content_type="text/csv")
    response = client.post(url("import_metadata", project), {"table": file})
    assert (response.status_code, response.url) == (302, f"{url('import', project)}#metadata")
    page = text_of(client.get(response.url))

    assert "What became of cameras.csv" in page
    assert "Images changed 2 Images as they were 0 Rows refused 2" in page
    assert "row 4: none.jpg" in page and "Import the image first." in page
    assert known(images[0]) == {"camera": "C-3", "outdoors": True}
    assert "Images as they were" not in text_of(client.get(url("import", project)))


@pages
def test_the_form_removes_by_empty_cells_where_the_box_is_ticked(as_, project, images, lena):
    client = as_(lena)
    bring(project, lena, "file_name,camera\nx/a.jpg,C-3\n")
    text = b"file_name,camera\nx/a.jpg,\n"
    client.post(url("import_metadata", project), {"table": SimpleUploadedFile("t.csv", text)})
    assert known(images[0]) == {"camera": "C-3"}
    client.post(url("import_metadata", project), {"table": SimpleUploadedFile("t.csv", text), "empty_removes": "on"})
    assert known(images[0]) == {}


@pages
def test_the_form_says_what_is_wrong_with_a_file(as_, project, images, lena):
    client = as_(lena)
    page = text_of(client.post(url("import_metadata", project), follow=True))
    assert "Choose a file first." in page
    file = SimpleUploadedFile("<b>.csv", b"camera\nC-3\n")
    page = client.post(url("import_metadata", project), {"table": file}, follow=True).content.decode()
    assert "The first line must name file_name" in page and "<b>.csv" not in page


@pages
def test_the_form_is_for_leads(as_, project, ann, rev, carl):
    statuses = [as_(person).post(url("import_metadata", project)).status_code for person in (ann, rev, carl)]
    assert statuses == [403, 403, 404]


@pages
def test_what_was_told_of_one_project_is_not_told_on_anothers_page(as_, project, images, lena):
    other = make_project(lead=lena)
    client = as_(lena)
    client.post(url("import_metadata", project), {"table": SimpleUploadedFile("t.csv", CSV.encode())})
    assert "Images as they were" not in text_of(client.get(url("import", other)))
    assert "What became of t.csv" in text_of(client.get(url("import", project)))


@pages
def test_an_images_page_shows_its_fields_whatever_they_are_called(as_, project, images, rev, lena):
    bring(project, lena, "file_name,items,keys,outdoors,note\nx/a.jpg,three,1,true,<script>\n")
    page = text_of(as_(rev).get(url("image", project, images[0].pk)))
    assert "items three keys 1 note <script> outdoors yes" in page


# ---------------------------------------------------------------- the command line


@pytest.fixture
def csv_file(tmp_path):
    path = tmp_path / "cameras.csv"
    path.write_text(CSV)
    return path


def test_the_command_adds_reports_and_goes_on(project, images, csv_file, capsys):
    with pytest.raises(SystemExit) as end:
        call_command("import_metadata", str(csv_file), project="Animals")
    assert end.value.code == 3
    out = capsys.readouterr().out
    assert "“Animals”: Changed the metadata of 2 images; 0 had it already, 2 rows refused." in out
    assert "refused row 4 (none.jpg): This project has no image of that name." in out

    with pytest.raises(SystemExit):
        call_command("import_metadata", str(csv_file), project=str(project.pk), json=True)
    facts = json.loads(capsys.readouterr().out)
    assert (facts["updated"], facts["unchanged"], len(facts["refused"])) == (0, 2, 2)

    csv_file.write_text("file_name,camera\nx/a.jpg,\n")
    call_command("import_metadata", str(csv_file), project="Animals", empty_removes=True)  # nothing refused: 0
    assert known(images[0]) == {"outdoors": True}


def test_the_command_says_what_is_wrong_with_its_arguments(project, tmp_path):
    with pytest.raises(CommandError) as error:
        call_command("import_metadata", str(tmp_path / "no.csv"), project="Animals")
    assert error.value.returncode == 2
    (tmp_path / "bad.csv").write_text("camera\nC-3\n")
    with pytest.raises(CommandError, match="must name file_name"):
        call_command("import_metadata", str(tmp_path / "bad.csv"), project="Animals")


def test_images_and_what_is_known_of_them_come_in_by_one_command(project, tmp_path, settings, capsys):
    settings.MEDIA_DIR = tmp_path / "media"
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(picture(1))
    path = tmp_path / "cameras.csv"
    path.write_text("file_name,camera\na.jpg,C-3\n")

    call_command("import_images", str(tmp_path / "in"), project="Animals", metadata=path)
    out = capsys.readouterr().out
    assert out.endswith(
        "0 refused. Changed the metadata of 1 images; 0 had it already, 0 rows refused.\n"
    )  # fmt: skip
    assert Image.objects.get().metadata == {"camera": "C-3", "file.source": "upload"}

    path.write_text("file_name,camera\nb.jpg,C-3\n")
    with pytest.raises(SystemExit) as end:
        call_command("import_images", str(tmp_path / "in"), project="Animals", metadata=path, json=True)
    facts = json.loads(capsys.readouterr().out)
    assert (end.value.code, facts["duplicates"], facts["metadata"]["refused"][0]["name"]) == (3, 1, "b.jpg")


def test_a_table_that_is_none_is_told_before_any_image_is_read(project, tmp_path, settings):
    settings.MEDIA_DIR = tmp_path / "media"
    (tmp_path / "a.jpg").write_bytes(picture(1))
    (tmp_path / "bad.csv").write_text("camera\nC-3\n")
    for name, words in (("bad.csv", "must name file_name"), ("no.csv", "There is no file")):
        with pytest.raises(CommandError, match=words):
            call_command("import_images", str(tmp_path), project="Animals", metadata=tmp_path / name)
    assert not Image.objects.exists()
