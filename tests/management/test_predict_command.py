"""`predict` and `export_model` from the command line, as processes of their own, without a worker."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import zipfile

import pytest
from django.core.management import CommandError, call_command

from labeler.management.commands import predict
from tests.helpers.saved_models import save_model
from tests.helpers.workers import ROOT, draw, environment

pytestmark = [pytest.mark.worker, pytest.mark.django_db(transaction=True)]


def manage(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "manage.py"), *words]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=200)


def test_files_and_folders_are_answered_without_a_server_and_a_model_is_written(project, settings, tmp_path, capsys):
    settings.MEDIA_DIR, settings.MODELS_DIR = tmp_path / "media", tmp_path / "models"
    run = save_model(project)
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    (folder / "a.jpg").write_bytes(draw("cat", 1))
    (folder / "more" / "b.jpg").write_bytes(draw("dog", 2))
    (folder / ".hidden").write_bytes(b"x")
    (folder / "notes.pdf").write_bytes(b"%PDF-1.7")

    told = manage("predict", str(folder), str(folder / "a.jpg"), "--project", "Animals", "--json")
    assert told.returncode == 3, told.stderr
    said = json.loads(told.stdout)
    assert [row["file"].rpartition("/")[2] for row in said["results"]] == ["a.jpg", "b.jpg"]
    assert (said["model"], said["calibrated"]) == (run.number, False)
    for row in said["results"]:
        assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-4)
        assert row["categories"] == [max(row["probabilities"], key=row["probabilities"].get)]
    (refused,) = said["refused"]
    assert refused["file"].endswith("notes.pdf")
    assert "This is a PDF" in refused["reason"]

    target = tmp_path / "model.zip"
    call_command("export_model", "--project", "Animals", "--output", str(target), "--json")
    assert json.loads(capsys.readouterr().out)["bytes"] == target.stat().st_size
    assert "model.safetensors" in zipfile.ZipFile(target).namelist()


def test_answers_as_a_table_and_as_lines(multi_project, settings, tmp_path, monkeypatch, capsys):
    settings.MODELS_DIR = tmp_path / "models"
    run = save_model(multi_project)
    (tmp_path / "a, b.jpg").write_bytes(b"")
    said = {"categories": run.category_ids[:2], "probability": 0.5, "probabilities": [0.9, 0.8, 0.1]}
    monkeypatch.setattr(predict.Command, "_ask", lambda self, run, files: ([{"file": str(files[0]), **said}], [], True))
    call_command("predict", str(tmp_path / "a, b.jpg"), "--project", "Tags", "--csv")
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row == {
        "file": str(tmp_path / "a, b.jpg"), "categories": "sky|sea", "probability": "0.5",
        "p:sky": "0.9", "p:sea": "0.8", "p:sand": "0.1",
    }  # fmt: skip
    call_command("predict", str(tmp_path / "a, b.jpg"), "--project", "Tags")
    assert capsys.readouterr().out.endswith("a, b.jpg\tsky, sea\t50%\n")


def test_what_cannot_be_done_is_said_with_its_exit_code(project, settings, tmp_path):
    settings.MODELS_DIR = tmp_path / "models"
    (tmp_path / "a.jpg").write_bytes(draw("cat", 1))
    photo = str(tmp_path / "a.jpg")
    for words, code, sentence in (
        (["predict", photo, "--project", "Animals"], 1, "has no model in use"),
        (["predict", photo, "--project", "Animals", "--model", "7"], 2, "no trained model 7"),
        (["predict", "/nowhere.jpg", "--project", "Animals"], 1, "has no model in use"),
        (["predict", photo, "--project", "Animals", "--csv", "--json"], 2, "Choose one"),
        (["export_model", "--project", "Plants"], 2, "There is no project"),
    ):
        with pytest.raises(CommandError, match=sentence) as refused:
            call_command(*words)
        assert refused.value.returncode == code
    save_model(project)
    with pytest.raises(CommandError, match=r"There is no /nowhere.jpg") as refused:
        call_command("predict", "/nowhere.jpg", "--project", "Animals")
    assert refused.value.returncode == 2
