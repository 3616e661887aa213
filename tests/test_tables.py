"""Each table has one package that writes it (labeler/models/written_by.py), and what the openings promise is so."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from django.apps import apps

from labeler.models.written_by import COLUMNS, TABLES
from tests.helpers.table_writers import Code, Write

ROOT = Path(__file__).resolve().parent.parent
SOURCES = {
    str(path.relative_to(ROOT)): path.read_text()
    for top in ("labeler", "api", "worker")
    for path in sorted((ROOT / top).rglob("*.py"))
    if "migrations" not in path.parts
}
# Writes whose table the code does not name, and why that is right: file and verb.
UNNAMED = {("labeler/models/columns.py", "COPY"): "the table is the caller's, and callers are looked at"}


@pytest.fixture(scope="module")
def writes() -> list[Write]:
    return Code(SOURCES).writes()


def owners(write: Write) -> set[str]:
    """Who may write these columns; nobody, where the table cannot be told."""
    if write.model is None:
        return set()
    if write.model == "Leased":  # leases.py: rows of any kind of work
        return {"jobs"}
    whole_row, columns = TABLES[write.model], COLUMNS.get(write.model, {})
    return {columns.get(column, whole_row) for column in write.columns}


def trespasses(writes: list[Write]) -> list[str]:
    return [str(write) for write in writes if owners(write) != {write.package}]


# ---------------------------------------------------------------- the code


def test_every_table_has_a_package_that_writes_it():
    ours = {model.__name__ for model in apps.get_app_config("labeler").get_models()}
    assert ours | {"User", "Session"} == set(TABLES)
    columns = {name: {field.name for field in apps.get_model("labeler", name)._meta.get_fields()} for name in COLUMNS}
    assert all(set(own) <= columns[name] for name, own in COLUMNS.items())
    packages = {path.name for path in (ROOT / "labeler").iterdir() if path.is_dir()}
    assert {*TABLES.values(), *(package for own in COLUMNS.values() for package in own.values())} <= packages


def test_no_package_writes_a_table_of_another(writes):
    named = [write for write in writes if (write.file, write.verb) not in UNNAMED]
    assert not trespasses(named), "\n".join(trespasses(named))
    assert len(writes) > 120  # or the walk has lost its way
    assert {write.model for write in writes} >= TABLES.keys()


def test_no_exception_is_named_in_vain(writes):
    assert UNNAMED.keys() == {(write.file, write.verb) for write in writes if write.model is None}


def test_pages_the_rest_layer_and_the_workers_write_nothing(writes):
    assert not [write for write in writes if write.package in ("pages", "api", "worker")]


# ---------------------------------------------------------------- what openings promise


def _opening(text: str) -> str:
    return " ".join((ast.get_docstring(ast.parse(text)) or "").split())


@pytest.mark.parametrize("package", sorted(set(TABLES.values())))
def test_the_opening_of_a_package_names_the_tables_it_writes(package):
    said = re.search(r"\bWrites: ([^.]+)\.", _opening(SOURCES[f"labeler/{package}/__init__.py"]))
    assert said, f"{package} does not say what it writes"
    named = set(re.findall(r"\b[A-Z]\w+", said[1]))
    rows = {name for name, writer in TABLES.items() if writer == package}
    columns = {name for name, own in COLUMNS.items() if package in own.values()}
    assert named == rows | columns


ONLY = re.compile(r"only module that writes ([A-Z]\w+(?:\.\w+)?(?:(?:, | and )[A-Z]\w+)*)")
CLAIMS = [
    (file, name)
    for file, text in SOURCES.items()
    for said in ONLY.findall(_opening(text))
    for name in re.split(r", | and ", said)
]


@pytest.mark.parametrize(("file", "name"), CLAIMS)
def test_who_says_to_be_the_only_writer_is_it(writes, file, name):
    model, _, column = name.partition(".")
    files = set()
    for write in writes:
        owned = write.columns - COLUMNS.get(model, {}).keys()
        if write.model == model and (column in write.columns if column else owned):
            files.add(write.file)
    others = {Path(other).name for other in files - {file}}
    opening = _opening(SOURCES[file])
    assert file in files
    assert [other for other in others if other not in opening] == []


# ---------------------------------------------------------------- the walk itself

HEAD = """
from django.contrib.auth import get_user_model
from django.db import connection, models
from django.db.models import F, QuerySet
from labeler.models import Claim, Image, Label, Project, QueueEntry, TrainingRun, columns
"""


def found(code: str, file: str = "labeler/review/some.py", **others: str) -> list[str]:
    there = {f"labeler/{package}/rows.py": HEAD + text for package, text in others.items()}
    there["labeler/models/columns.py"] = SOURCES["labeler/models/columns.py"]
    return [
        f"{write.verb} {write.model}"
        for write in Code({file: HEAD + code, **there}).writes()
        if write.file == file and owners(write) != {write.package}
    ]


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("Label.objects.create(reason='')", "create Label"),
        ("Label.objects.bulk_create(rows)", "bulk_create Label"),
        ("Label.objects.filter(pk=1).exclude(extra=True).update(extra=True)", "update Label"),
        ("async def f():\n    await Label.objects.filter(pk=1).aupdate(extra=True)", "update Label"),
        ("Claim.objects.select_for_update().get_or_create(pk=1)", "get_or_create Claim"),
        ("QueueEntry.objects.bulk_update(rows, ['priority'])", "bulk_update QueueEntry"),
        ("Claim.objects.in_bulk()[1].delete()", "delete Claim"),
        ("one = Label.objects.get(pk=1)\none.save()", "save Label"),
        ("def f(one: Label):\n    one.save(update_fields=['extra'])", "save Label"),
        ("def f(one: 'Label | None'):\n    one and one.delete()", "delete Label"),
        ("def f(rows: list[Claim]):\n    for row in rows:\n        row.delete()", "delete Claim"),
        ("def f(rows: QuerySet[Label]):\n    rows.update(extra=True)", "update Label"),
        ("def f(many: dict[int, Label]):\n    [one.delete() for one in many.values()]", "delete Label"),
        ("def f(pair: tuple[int, Label]):\n    n, one = pair\n    one.delete()", "delete Label"),
        ("def f(project: Project):\n    project.images.all().delete()", "delete Image"),
        ("def f(project: Project, one: Image):\n    project.images.add(one)", "add Image"),
        ("def f(claim: Claim):\n    claim.image.save()", "save Image"),
        ("def f(image: Image):\n    (image.labels.first() or Label()).delete()", "delete Label"),
        ("def made() -> Label: ...\nmade().delete()", "delete Label"),
        ("class A:\n    image: Image\n    def f(self):\n        self.image.save()", "save Image"),
        ("class A:\n    def __init__(self, one: Label):\n        self.one = one\n"
         "    def f(self):\n        self.one.delete()", "delete Label"),
        ("class A:\n    model = Label\n    def f(self):\n        self.model.objects.create()", "create Label"),
        ("get_user_model().objects.create_user('ann')", "create_user User"),
        ("if (one := Label.objects.first()):\n    one.delete()", "delete Label"),
        ("from labeler.labeling.rows import locked\nlocked().update(extra=True)", "update Label"),
        ("from functools import partial\nlater = partial(Label.objects.create, reason='')", "create Label"),
        # columns of another package
        ("def f(image: Image):\n    image.save(update_fields=['has_decision'])", "save Image"),
        ("Image.objects.filter(pk=1).update(round=F('round') + 1)", "update Image"),
        # SQL
        ("SQL = 'INSERT INTO labeler_label (id) VALUES (1)'", "INSERT INTO Label"),
        ("SQL = '''WITH a AS (UPDATE labeler_claim c SET state = %s WHERE id = 1) SELECT 1'''", "UPDATE Claim"),
        ("SQL = f'delete from labeler_label WHERE {1}'", "DELETE FROM Label"),
        ('SQL = \'UPDATE ONLY "labeler_image" SET tally = 1\'', "UPDATE Image"),
        ("SQL = 'TRUNCATE labeler_claim'", "TRUNCATE Claim"),
        ("SQL = 'COPY labeler_label (id) FROM STDIN'", "COPY Label"),
        ("columns.write('labeler_label', rows)", "COPY Label"),
        ("with connection.cursor() as c:\n    c.copy_from(file, 'labeler_label')", "COPY Label"),
        # what cannot be told
        ("def f(rows):\n    rows.update(extra=True)", "update None"),
        ("def f(row):\n    row.save()", "save None"),
        ("def f(rows):\n    rows.objects.bulk_create([])", "bulk_create None"),
        ("def f(model: type[models.Model]):\n    model._default_manager.all().delete()", "delete None"),
        ("def f(table):\n    columns.write(table, [])", "COPY None"),
        ("def f(table):\n    return f'UPDATE {table} SET a = 1'", "UPDATE None"),
        ("SQL = 'DELETE FROM labeler_unheard_of'", "DELETE FROM None"),
    ],
)  # fmt: skip
def test_a_foreign_write_is_found(code, wanted):
    assert found(code, labeling="def locked() -> QuerySet[Label]: ...") == [wanted]


@pytest.mark.parametrize(
    "code",
    [
        "import hashlib\ndigest = hashlib.sha256()\ndigest.update(b'')",
        "seen: set[int] = set()\nseen.add(1)\nseen.remove(1)\nseen.clear()",
        "named = {}\nnamed.update(a=1)",
        "def f(picture):\n    picture.save('file.png')",
        "from labeler.labeling import rows\nrows.create(project=1)",
        "SELECT = 'SELECT 1 FROM labeler_label FOR NO KEY UPDATE OF labeler_label'",
        "SQL = 'CREATE TEMPORARY TABLE said (a int); INSERT INTO said VALUES (1); DELETE FROM said'",
        "Label.objects.filter(pk=1).exists()",
        "def f(rows: set[Label], one: Label):\n    rows.add(one)",
    ],
)
def test_what_is_no_write_is_passed_by(code):
    assert found(code, labeling="def create(*, project): ...") == []


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("labeler/labeling/some.py", "Image.objects.filter(pk=1).update(round=2, tally={})"),
        ("labeler/intake/some.py", "Image.objects.filter(pk=1).update(metadata={})"),
        ("labeler/labeling/some.py", "SQL = 'UPDATE labeler_image i SET tally = f(a, b), n_votes = 1 FROM n'"),
        ("labeler/jobs/some.py", "TrainingRun.objects.filter(pk=1).update(state='', lease_until=None)"),
        ("labeler/training/some.py", "TrainingRun.objects.filter(pk=1).update(is_active=True)"),
    ],
)
def test_the_owner_of_a_column_may_write_it(file, code):
    assert found(code, file) == []


def test_two_owners_cannot_be_written_in_one_statement():
    code = "Image.objects.filter(pk=1).update(metadata={}, tally={})"
    assert found(code, "labeler/intake/some.py") == found(code, "labeler/labeling/some.py") == ["update Image"]


def test_a_finding_says_where_it_is():
    [write] = Code({"labeler/review/some.py": HEAD + "\nLabel.objects.create(reason='')\n"}).writes()
    assert str(write) == "labeler/review/some.py:7: create Label: Label.objects.create(reason='')"
