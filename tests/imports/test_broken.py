"""What is broken in a file refuses itself, with a sentence that says what to do; all else comes in."""

import json
import tarfile
import zipfile

import pytest

from labeler.errors import NotPossibleNow
from labeler.intake.check import Refused
from labeler.models import Image, Label
from tests.helpers.importing import CVAT, bring_in, pictures, reasons, tarred, task, zipped

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "incoming"


OUT = "“{0}” leads out of the file: write where the image lies inside of it, or its name alone."
GONE = "This project has no image of that name."
ROWS = [
    ("file_name,label\n../a.jpg,cat\n", [("a.jpg", 2, OUT.format("a.jpg"))]),
    ("file_name,label\n/etc/passwd,cat\n", [("etc/passwd", 2, OUT.format("etc/passwd"))]),
    ("path,label\nC:\\data\\a.jpg,cat\n", [("data/a.jpg", 2, OUT.format("data/a.jpg"))]),
    ("file_name,label\nnone.jpg,cat\n", [("none.jpg", 2, GONE)]),
    ("file_name,label\n,cat\n",
     [("", 2, "Which image? file_name, path, url, sha256 or external_id must be given.")]),
    ("file_name,label\na.jpg,owl\n", [("i/a.jpg", 2, "This project has no class “owl”.")]),
    ("file_name,label\na.jpg,cat\na.jpg,dog\n",
     [("i/a.jpg", 3, "There is another answer of this person on this image already.")]),
    ("sha256,label\nabc,cat\n", [("abc", 2, "sha256 must be 64 hexadecimal digits.")]),
    (f"sha256,label\n{'0' * 64},cat\n", [("0" * 64, 2, "This project has no image with this sha256.")]),
    ("external_id,label\nx-9,cat\n", [("x-9", 2, "This project has no image with this external_id.")]),
    ("url,label\nftp://host/a.jpg,cat\n",
     [("ftp://host/a.jpg", 2,
       "This is no address of an image: it begins with http:// or https://, and names a server.")]),
    ("file_name,split\na.jpg,holdout\n",
     [("i/a.jpg", 2, "“holdout” is no split: write train, validation or test.")]),
    ("file_name,prediction,probability\na.jpg,cat,1.5\n",
     [("i/a.jpg", 2, "A prediction names classes, and its probability is a number from 0 to 1.")]),
    ("file_name,label,created_at\na.jpg,cat,yesterday\n",
     [("i/a.jpg", 2, "created_at must be a time like 2026-11-05T10:30:00Z, and not in the future.")]),
    ("file_name,label,answer\na.jpg,cat,skip\n",
     [("i/a.jpg", 2, "Only judgements are taken: answer must be labeled or cannot_tell.")]),
    ("file_name,label\na.jpg,cat,one,too,many\n",
     [("a.jpg", 2, "There is a cell too much: put quotes around a text with a separator.")]),
    ('{"file_name": "a.jpg", "label": {"x": 1}}\n',
     [("i/a.jpg", 1, "label must be the name of a class, or a list of names.")]),
    ('{"file_name": "a.jpg", "place": ["x"]}\n',
     [("i/a.jpg", 1, "“place” must be a text, a number, true or false; lists and objects are not taken.")]),
    ('{"file_name": "a.jpg"}\n[1]\n',
     [("", 2, "This is no object: each line is one, as {“file_name”: …, “label”: …}.")]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), ROWS)
def test_a_row_of_a_manifest_that_cannot_be_used_says_why(project, lena, tmp_path, text, expected):
    """Of a table in an archive: the image is there, and comes in where only a part of its row is broken."""
    name = "manifest.jsonl" if text.startswith("{") else "manifest.csv"
    path = zipped(tmp_path / "m.zip", {f"r/{name}": text, **pictures("r/i/a.jpg")})
    result = bring_in(project, lena, path)
    found = [(who.removeprefix("r/"), row, why) for who, row, why in reasons(result)]
    assert found == expected


WHOLE = [
    ("a.csv", "", "The file is empty: its first line names the columns"),
    ("a.csv", "a,b\n1,2\n", "No column names the images."),
    ("a.csv", b"file_name,label\na.jpg,\xff\xfe\n", "The file is not UTF-8 text. Save it as “CSV UTF-8”"),
    ("a.csv", "\ufefffile_name,label".encode("utf-16"), "The file is not UTF-8 text."),
    ("a.csv", "file_name,x,x\na.jpg,1,2\n", "“x” is there twice."),
    ("a.csv", "file_name," + ",".join(f"f{n}" for n in range(60)) + "\n", "An image has at most 50 fields."),
    ("a.json", "[]", "This file is of no format that is known here"),
    ("a.json", json.dumps([task("a.jpg", "cat")])[:-40], "Element 1 of the list is no JSON"),
    ("a.xml", CVAT.format(images="<image"), "The XML is broken: "),
    ("a.xml", '<!DOCTYPE x [<!ENTITY a "b">]>' + CVAT[39:].format(images=""), "The XML declares a document type"),
    ("a.parquet", b"PAR1" + b"\x00" * 100, "The parquet file cannot be read: "),
    ("a.rar", b"Rar!\x1a\x07\x00" * 20, "This file is of no format that is known here"),
]


@pytest.mark.parametrize(("name", "content", "sentence"), WHOLE)
def test_a_file_that_is_nothing_says_so(project, lena, tmp_path, name, content, sentence):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    explicit = {".json": "labelstudio", ".xml": "cvat"}.get(path.suffix, "auto") if "[]" not in str(content) else "auto"
    with pytest.raises((NotPossibleNow, Refused)) as error:
        bring_in(project, lena, path, format=explicit)
    assert sentence in str(error.value)
    assert not Image.objects.exists()


def test_windows_line_ends_semicolons_and_a_byte_order_mark_are_no_reason(project, lena, tmp_path):
    table = "\ufefffile_name;label;external_id\r\na.jpg;cat;1\r\n\r\nb.jpg;dog;2\r\n"
    result = bring_in(project, lena, zipped(tmp_path / "a.zip", {"manifest.csv": table, **pictures("a.jpg", "b.jpg")}))
    assert (result["added"], result["labels_added"], result["refused"]) == (2, 2, [])


def test_two_images_of_one_external_id_are_one_by_that_id(project, lena, tmp_path):
    table = "file_name,external_id,label\na.jpg,x,cat\nb.jpg,x,cat\n"
    result = bring_in(project, lena, zipped(tmp_path / "a.zip", {"manifest.csv": table, **pictures("a.jpg", "b.jpg")}))
    assert result["added"] == 2
    assert sorted(Image.objects.values_list("name", "external_id")) == [("a.jpg", "x"), ("b.jpg", "")]


def test_a_last_part_that_several_images_have_names_none(project, lena, tmp_path):
    files = {"manifest.csv": "file_name,label\na.jpg,cat\nx/a.jpg,dog\n", **pictures("x/a.jpg", "y/a.jpg")}
    result = bring_in(project, lena, zipped(tmp_path / "a.zip", files))
    assert reasons(result)[0] == ("a.jpg", 2, GONE)
    assert (result["added"], result["labels_added"]) == (1, 1)


def test_nothing_leads_out_of_an_archive_and_no_link_is_followed(project, lena, tmp_path):
    path = tmp_path / "a.zip"
    zipped(path, {"manifest.csv": "file_name\n../evil.jpg\na.jpg\n", **pictures("a.jpg", "../evil.jpg", "/abs.jpg")})
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("link.jpg")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    result = bring_in(project, lena, path)
    names = "Its name leads out of the archive: it is not read."
    assert {(name, why) for name, _row, why in reasons(result)} == {
        ("evil.jpg", names), ("abs.jpg", names), ("link.jpg", "This is a link or a device: only files are read."),
        ("evil.jpg", OUT.format("evil.jpg")),
    }  # fmt: skip
    assert list(Image.objects.values_list("name", flat=True)) == ["a.jpg"]


def test_links_of_a_tar_and_of_a_folder_are_refused(project, lena, tmp_path):
    path = tarred(tmp_path / "a.tar", {"manifest.csv": "file_name\na.jpg\n", **pictures("a.jpg")})
    with tarfile.open(path, "a") as archive:
        link = tarfile.TarInfo("b.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert reasons(bring_in(project, lena, path)) == [
        ("b.jpg", None, "This is a link or a device: only files are read.")
    ]
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "manifest.csv").write_text("file_name\nc.jpg\n")
    (folder / "c.jpg").symlink_to(tmp_path / "a.tar")
    result = bring_in(project, lena, folder)
    assert [why for _name, _row, why in reasons(result)] == ["This is a link or a device: only files are read.", GONE]


def test_a_list_of_tasks_that_breaks_off_keeps_nothing(project, lena, tmp_path):
    """It is looked through before anything is taken in: half a file is no file."""
    path = tmp_path / "a.json"
    path.write_text(json.dumps([task("a.jpg", "cat"), task("b.jpg", "dog")])[:-1])
    with pytest.raises(NotPossibleNow, match="ends in the middle: after 2 elements"):
        bring_in(project, lena, path)
    assert not Label.objects.exists()


@pytest.mark.parametrize(("element", "sentence"), [
    (3, "This is no task of Label Studio: it is an object with “data”."),
    ({"data": {}}, "“data” names no image: no text in it is a path or an address."),
    ({"data": {"image": "a.jpg"}, "annotations": [{"result": [{"type": "rectanglelabels", "value": {"x": 1}}]}]},
     "An annotation has no choices: only choices are read."),
])  # fmt: skip
def test_a_task_that_cannot_be_used_says_why(project, lena, tmp_path, element, sentence):
    files = {"t.json": [task("b.jpg", "cat"), element], **pictures("a.jpg", "b.jpg")}
    result = bring_in(project, lena, zipped(tmp_path / "t.zip", files))
    assert (result["labels_added"], [why for _name, _row, why in reasons(result)]) == (1, [sentence])


def test_a_format_that_is_not_there_says_what_was_looked_for(project, lena, tmp_path):
    path = zipped(tmp_path / "a.zip", pictures("a.jpg"))
    for format_, sentence in {
        "csv": "There is no manifest.csv or manifest.jsonl at the root",
        "labelstudio": "There is no JSON file in the archive",
        "cvat": "There is no XML file of CVAT here",
        "huggingface": "There is no metadata.csv, no metadata.jsonl and no parquet file here.",
    }.items():
        with pytest.raises(NotPossibleNow, match=sentence):
            bring_in(project, lena, path, format=format_)


def test_people_that_nobody_names_are_asked_for(project, lena, tmp_path):
    path = zipped(tmp_path / "a.zip", {"manifest.csv": "file_name,label\na.jpg,cat\n", **pictures("a.jpg")})
    with pytest.raises(NotPossibleNow, match="There is no column “who” that could name people"):
        bring_in(project, lena, path, labels_as={"people": "who"})
    with pytest.raises(NotPossibleNow, match="No row names who judged"):
        bring_in(project, lena, path, labels_as={"people": ""})


@pytest.mark.parametrize("hostile", ["\x00", "\ud800", "\u2028", "x" * 100_000])
def test_characters_that_no_column_holds_refuse_their_part_alone(project, lena, tmp_path, hostile):
    """Nothing of a file may end in an error of ours, whatever its texts hold."""
    row = {
        "file_name": f"a{hostile}.jpg", "label": hostile, "annotator": hostile, "split": hostile, "x": hostile,
        "external_id": "1", "prediction": hostile, "model": hostile, hostile: 1,
    }  # fmt: skip
    good = {"file_name": "b.jpg", "label": "cat", "annotator": "zoe"}
    lines = "\n".join(json.dumps(one) for one in (row, {**row, "file_name": "b.jpg"}, good))
    path = zipped(tmp_path / "m.zip", {"manifest.jsonl": lines, **pictures("b.jpg")})
    result = bring_in(project, lena, path, labels_as={"people": ""}, new_categories="refuse")
    assert (result["added"], result["labels_added"]) == (1, 1)

    tasks = [task("b.jpg", hostile, by={"email": hostile}, predicted=(hostile, 0.5), x=hostile), task("b.jpg", "cat")]
    path = zipped(tmp_path / "t.zip", {"t.json": tasks, **pictures("b.jpg")})
    result = bring_in(project, lena, path, labels_as={"people": ""})
    assert (result["duplicates"], result["labels_added"]) == (1, 1)
