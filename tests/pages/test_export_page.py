"""The export page: what is left out and why, and code that really loads the file."""

from __future__ import annotations

import io
import json
import re
import shlex
import zipfile

import pytest

from labeler import releases
from labeler.labeling import claims, labels
from labeler.pages.export import snippets
from labeler.releases import summary
from labeler.releases.formats import ONLY_OBJECTS, WRITERS
from labeler.review import adjudication
from tests.helpers.drawn_projects import draw_objects
from tests.helpers.factories import add_images, make_project
from tests.helpers.pages import answer, url

# A line to type into, and what stands in it.
FIELD = r'<input\s+id="(\w+)"\s+name="\1"[^>]*maxlength[^>]*\svalue="([^"]*)"'
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


@pytest.fixture
def votes(project, ann, bea, dora, rev):
    """Seven images, one of each kind: agreed, early, tied, nobody could tell, unanswered, decided, undecidable."""
    agreed, early, tied, unclear, _untouched, decided, undecidable = images = add_images(project, 7)
    for person in (ann, bea):
        answer(project, person, agreed, "cat")
    answer(project, ann, early, "dog")
    answer(project, ann, tied, "cat")
    answer(project, bea, tied, "dog")
    claims.claim(project=project, annotator=ann, count=50)
    labels.save_label(image_id=unclear.pk, annotator=ann, answer="cannot_tell", reason="blurred")
    answer(project, ann, decided, "cat")
    answer(project, bea, decided, "dog")
    adjudication.decide(image_id=decided.pk, reviewer=rev, categories=["fox"])
    adjudication.decide(image_id=undecidable.pk, reviewer=rev, undecidable=True)
    return images


def written(project, format_: str) -> bytes:
    return b"".join(releases.export(project, format_).chunks)


def test_every_image_is_counted_once_in_or_out_with_its_reason(project, votes):
    found = summary.summary_of(project)

    assert (found.images, found.outcome, found.early) == (7, 3, 1)
    assert found.without == {"unanswered": 1, "cannot_tell": 1, "tie": 1, "undecidable": 1}
    assert found.outcome + sum(found.without.values()) == found.images
    assert found.judgements == 8
    assert found.n_bytes == 3000


def test_the_counts_are_those_of_the_files(project, votes, settings, tmp_path):
    found = summary.summary_of(project)

    lines = [json.loads(line) for line in written(project, "jsonl").splitlines()]
    assert sum(line["consensus"]["categories"] is not None for line in lines) == found.outcome
    assert sum(len(line["labels"]) for line in lines) == found.judgements
    settings.MEDIA_DIR = tmp_path  # the images of tests have no files: they are missing, not left out
    with zipfile.ZipFile(io.BytesIO(written(project, "imagefolder"))) as archive:
        classes = json.loads(archive.read("classes.json"))
    assert len(classes["missing_files"]) == found.outcome
    assert sum(classes["left_out"].values()) == sum(found.without.values())


def test_a_summary_costs_the_same_for_any_number_of_images(project, votes, django_assert_num_queries):
    add_images(project, 50)

    with django_assert_num_queries(3):
        assert summary.summary_of(project).without["unanswered"] == 51


def loaded(project, tmp_path, monkeypatch, format_: str, reading: str) -> dict:
    """What the page's own code makes of the file."""
    pytest.importorskip("pandas")
    name = releases.export(project, format_).file_name
    (tmp_path / name).write_bytes(written(project, format_))
    monkeypatch.chdir(tmp_path)
    found: dict = {}
    exec(snippets.code(format_, reading, multi=project.is_multi, name=name), found)
    return found


def test_the_code_for_csv_loads_what_it_says(project, votes, tmp_path, monkeypatch):
    agreed, early, tied, _unclear, _untouched, decided, _undecidable = (image.pk for image in votes)

    final = loaded(project, tmp_path, monkeypatch, "csv", "final")["final"]
    assert dict(final) == {agreed: "cat", early: "dog", decided: "fox"}
    every = loaded(project, tmp_path, monkeypatch, "csv", "all")["votes"]
    assert (every.loc[tied, "ann"], every.loc[tied, "bea"]) == ("cat", "dog")
    shares = loaded(project, tmp_path, monkeypatch, "csv", "shares")["shares"]
    assert (shares.loc[tied, "cat"], shares.loc[agreed, "cat"]) == (0.5, 1.0)


def test_the_code_for_json_lines_loads_what_it_says(project, votes, tmp_path, monkeypatch):
    agreed, early, tied, unclear, _untouched, decided, _undecidable = (image.pk for image in votes)

    final = loaded(project, tmp_path, monkeypatch, "jsonl", "final")["final"]
    assert final == {agreed: ["cat"], early: ["dog"], decided: ["fox"]}
    every = loaded(project, tmp_path, monkeypatch, "jsonl", "all")["votes"]
    assert every[tied] == {"ann": ["cat"], "bea": ["dog"]}
    shares = loaded(project, tmp_path, monkeypatch, "jsonl", "shares")["shares"]
    assert (shares[tied], shares[unclear]) == ({"cat": 0.5, "dog": 0.5}, {})


def test_the_code_for_several_classes_has_a_column_for_each(multi_project, ann, bea, tmp_path, monkeypatch):
    images = add_images(multi_project, 2)
    for person, names in ((ann, ["sky", "sea"]), (bea, ["sky"])):
        claims.claim(project=multi_project, annotator=person, count=50)
        labels.save_label(image_id=images[0].pk, annotator=person, categories=names)
        labels.save_label(image_id=images[1].pk, annotator=person, categories=["sky", "sea"])

    final = loaded(multi_project, tmp_path, monkeypatch, "csv", "final")["final"]
    assert dict(final.loc[images[1].pk]) == {"sea": 1, "sky": 1}
    assert images[0].pk not in final.index  # a tie
    shares = loaded(multi_project, tmp_path, monkeypatch, "csv", "shares")["shares"]
    assert dict(shares.loc[images[0].pk]) == {"sea": 0.5, "sky": 1.0}
    every = loaded(multi_project, tmp_path, monkeypatch, "csv", "all")["votes"]
    assert dict(every.loc[(images[0].pk, "bea")]) == {"sea": 0, "sky": 1}


def text_of(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.content.decode()))


def test_the_page_says_what_is_left_out_of_what_was_chosen(as_, lena, project, votes):
    client = as_(lena)

    final = text_of(client.get(url("export", project)))
    assert "8 judgements; 3 of 7 images have an outcome" in final
    assert "the votes are tied 1" in final and "the image does not say 1" in final
    assert "1 image has an outcome from fewer answers than you ask for." in final
    every = text_of(client.get(url("export", project) + "?format=csv&labels=all"))
    assert "nobody has answered them yet 1" in every and "the votes are tied" not in every
    folders = client.get(url("export", project) + "?format=imagefolder&labels=shares")
    assert "ImageFolder(" in text_of(folders) and "3 images, about 3.0" in text_of(folders)
    assert [row["on"] for row in folders.context["readings"]] == [True, False, False]


def test_nonsense_in_the_address_shows_the_first_choice(as_, lena, project, votes):
    page = as_(lena).get(url("export", project) + "?format=%00&labels=drop+table")

    assert page.status_code == 200
    assert (page.context["chosen"]["id"], page.context["readings"][0]["on"]) == ("csv", True)


def test_an_empty_project_says_what_to_do_first(as_, lena, project):
    html = as_(lena).get(url("export", project)).content.decode()

    assert "There is nothing to take out yet" in html
    assert url("import", project) in html


def test_a_format_that_cannot_be_says_why(as_, lena, multi_project):
    add_images(multi_project, 1)

    html = as_(lena).get(url("export", multi_project) + "?format=yolo").content.decode()

    assert "this project may have several" in html
    assert "Download YOLO" not in html


# ---------------------------------------------------------------- formats of other tools


def run_code(project, tmp_path, monkeypatch, format_: str, reading: str) -> dict:
    """What the page's code makes of the file that the page gives for it, unpacked where the code says so."""
    export = releases.export(project, format_, labels=snippets.LABELS[reading])
    whole = b"".join(export.chunks)
    (tmp_path / export.file_name).write_bytes(whole)
    code = snippets.code(format_, reading, multi=project.is_multi, name=export.file_name)
    if "unzip" in code:
        zipfile.ZipFile(io.BytesIO(whole)).extractall(tmp_path)
    monkeypatch.chdir(tmp_path)
    found: dict = {}
    exec(code, found)
    return found


@pytest.mark.parametrize("format_", ["json", "parquet", "labels-csv", "labelstudio", "cvat"])
def test_the_code_for_each_table_finds_the_same_outcomes(project, votes, tmp_path, monkeypatch, format_):
    agreed, early, _tied, _unclear, _untouched, decided, _undecidable = votes
    pytest.importorskip("pandas")

    final = run_code(project, tmp_path, monkeypatch, format_, "final")["final"]

    by_name = format_ in ("labels-csv", "cvat")
    found = {key: name if isinstance(name, str) else "".join(name) for key, name in dict(final).items()}
    expected = {agreed: "cat", early: "dog", decided: "fox"}
    assert found == {image.name if by_name else image.pk: name for image, name in expected.items()}


@pytest.mark.parametrize("format_", ["json", "parquet", "labels-csv", "labelstudio"])
def test_the_code_for_each_table_finds_every_answer(project, votes, tmp_path, monkeypatch, format_):
    tied = votes[2]
    pytest.importorskip("pandas")

    answers = run_code(project, tmp_path, monkeypatch, format_, "all")["votes"]

    if format_ == "json":
        found = answers[tied.pk]
    else:
        key = tied.name if format_ == "labels-csv" else tied.pk
        found = {person: answers[(key, person)] for person in ("ann", "bea")}
    assert {person: "".join(names) for person, names in found.items()} == {"ann": "cat", "bea": "dog"}


def test_shares_and_several_classes_are_read_from_parquet(multi_project, ann, bea, tmp_path, monkeypatch):
    pytest.importorskip("pandas")
    image, empty = add_images(multi_project, 2)
    for person, names in ((ann, ["sky", "sea"]), (bea, ["sky"])):
        claims.claim(project=multi_project, annotator=person, count=50)
        labels.save_label(image_id=image.pk, annotator=person, categories=names)
        labels.save_label(image_id=empty.pk, annotator=person, categories=[])

    shares = run_code(multi_project, tmp_path, monkeypatch, "parquet", "shares")["shares"]
    assert dict(shares.loc[image.pk]) == {"share.sky": 1.0, "share.sea": 0.5, "share.sand": 0.0}
    final = run_code(multi_project, tmp_path, monkeypatch, "parquet", "final")["final"]
    assert {key: list(names) for key, names in final.items()} == {empty.pk: []}


@pytest.mark.parametrize("format_", [name for name in WRITERS if name not in ONLY_OBJECTS])
def test_each_format_has_a_page_that_offers_its_file(as_, lena, project, votes, format_):
    page = as_(lena).get(url("export", project) + f"?format={format_}")

    assert page.context["chosen"]["id"] == format_ and page.context["chosen"]["file"]
    assert f"/api/projects/{project.pk}/export/{format_}/" in page.content.decode()
    assert page.context["code"] or format_ == "datacard"


def test_where_people_draw_the_formats_of_objects_come_first(as_, lena, ann):
    project = make_project(ann, lead=lena, task="boxes", categories=("pawn", "king"))
    (image,) = add_images(project, 1)
    draw_objects(project, image, ann, [{"category": "pawn", "box": [1, 2, 30, 40]}])
    client = as_(lena)

    page = client.get(url("export", project))

    assert page.context["chosen"]["id"] == "coco" and page.context["chosen"]["file"]
    assert not [row["id"] for row in page.context["formats"] if row["why_not"]]
    assert "labels-csv" in [row["id"] for row in page.context["more_formats"] if row["why_not"]]
    assert "COCO(" in page.context["code"]
    folders = client.get(url("export", project) + "?format=imagefolder")
    assert "objects" in folders.context["code"] and "torchvision" not in folders.context["code"]
    for format_ in WRITERS:
        assert client.get(url("export", project) + f"?format={format_}").status_code == 200


def test_what_is_chosen_is_in_the_address_of_the_file(as_, lena, project, votes):
    client = as_(lena)

    page = client.get(url("export", project) + "?format=parquet&labels=shares")
    assert page.context["chosen"]["download"].endswith("/export/parquet/?labels=soft")
    assert "--labels soft" in page.context["command"]
    page = client.get(url("export", project) + "?format=csv&labels=shares")
    assert page.context["chosen"]["download"].endswith("/export/csv/")  # holds all of it
    page = client.get(url("export", project) + "?format=cvat&labels=shares")
    assert [row["on"] for row in page.context["readings"]] == [True, False, False]


def test_filters_and_preparation_are_carried_by_every_link(as_, rev, project, votes):
    query = "?format=imagefolder&labels=final&status=settled&width=32&height=32&way=fill"
    html = as_(rev).get(url("export", project) + query).content.decode()

    assert "that fit your filters" in html or "that fits your filters" in html
    download = html_of(re.search(r'href="([^"]*)" download', html).group(1))
    assert download.endswith("/export/imagefolder/?labels=consensus&status=settled&width=32&height=32&way=fill")
    formats = [html_of(one) for one in re.findall(r'href="(\?format=[^"]*)"', html)]
    assert len(formats) > 10 and all("status=settled" in one for one in formats if one != formats_all(html))
    table = as_(rev).get(url("export", project) + query.replace("imagefolder", "csv")).content.decode()
    assert "width=32" not in html_of(re.search(r'href="([^"]*)" download', table).group(1))


def test_the_forms_show_what_was_asked_for(as_, rev, project, votes):
    client = as_(rev)
    asked = "?format=imagefolder&width=32&height=24&way=fill&crop=0,0,1,0.9&file_format=png"
    fields = [*re.findall(FIELD, client.get(url("export", project) + asked).content.decode())]
    assert fields == [("width", "32"), ("height", "24"), ("crop", "0,0,1,0.9"), ("quality", "")]
    html = client.get(url("export", project) + asked).content.decode()
    assert re.findall(r'<option value="(\w+)" selected>', html) == ["fill", "png"]

    html = client.get(
        url("images", project) + "?final=1&min_confidence=0.5&finding=blurred&split=test"
    ).content.decode()
    assert ("min_confidence", "0.5") in re.findall(FIELD, html) and ("metadata", "") in re.findall(FIELD, html)
    assert {"blurred", "test"} <= set(re.findall(r'<option value="(\w+)" selected>', html))


def test_a_preparation_that_cannot_be_is_said_beside_its_form(as_, rev, project, votes):
    html = as_(rev).get(url("export", project) + "?format=imagefolder&width=9999999").content.decode()
    assert "cannot be prepared that way" in html and "width: a whole number from 1 to 8192." in html
    assert "width=9999999" not in re.search(r'href="([^"]*)" download', html).group(1)


@pytest.mark.parametrize("query", ["status=done", "category=horse", "min_confidence=x", "search=%00", "status=deleted"])
def test_a_filter_that_cannot_be_read_exports_nothing_rather_than_all_images(as_, rev, project, votes, query):
    client = as_(rev)
    page = client.get(url("export", project) + f"?format=csv&{query}")
    html = page.content.decode()

    assert page.status_code == 200 and "These filters cannot be read, so nothing can be downloaded: " in text_of(page)
    assert " download>" not in html and "curl" not in html and "manage.py export" not in html
    address = page.context["chosen"]["download"]
    assert address.endswith("?" + query)  # who follows it all the same is refused
    assert client.get(address).status_code == 400
    whole = client.get(url("export", project) + page.context["all_images"])
    assert " download>" in whole.content.decode() and not whole.context["unreadable"]


def test_the_command_takes_the_same_part_of_the_images(as_, rev, project, votes):
    query = "?format=imagefolder&status=settled&metadata.site=north+side&width=32"
    command = as_(rev).get(url("export", project) + query).context["command"]

    assert shlex.split(command.replace("\\\n", " "))[7:] == [
        "--labels", "consensus", "--filter", "status=settled", "--filter", "metadata.site=north side",
        "--prepare", "width=32",
    ]  # fmt: skip


def html_of(text: str) -> str:
    return text.replace("&amp;", "&")


def formats_all(html: str) -> str:
    """The link that leaves the filters."""
    return html_of(re.search(r'<a href="([^"]*)">All images</a>', html).group(1))
