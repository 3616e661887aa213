"""`predict FILE|FOLDER… --project NAME`: predictions of a project's model for files that are not in the project."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from labeler.intake.formats.cells import cell
from labeler.label_set import categories
from labeler.label_set.categories import CategoryIndex
from labeler.management.base import DONE, REFUSALS, USAGE, DataCommand
from labeler.management.work import work_here
from labeler.models import Project, TrainingRun
from labeler.models.job import State
from labeler.training import drawn_answers, outside_models, runs


class Command(DataCommand):
    help = (
        "Say what is on images, by the model in use or another version. Nothing comes into the project, and no server "
        "need run. Exit code 3: done, but some files are no images."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("sources", metavar="FILE|FOLDER", nargs="+", type=Path)
        parser.add_argument("--project", metavar="NAME", required=True, help="name or number of the project")
        parser.add_argument("--model", metavar="N", type=int, help="number of the model (default: the one in use)")
        parser.add_argument("--csv", action="store_true", help="one row per image on stdout, a column for each class")
        parser.add_argument(
            "--coco", action="store_true",
            help="of a model that draws: COCO on stdout, all objects from .05 on with score and shown",
        )  # fmt: skip
        parser.add_argument(
            "--shown", action="store_true", help="of a model that draws: only objects sure enough for a pre-label"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["csv"] + options["json"] + options["coco"] > 1:
            raise CommandError("Choose one of --csv, --json and --coco.", returncode=USAGE)
        project = self.project(options["project"])
        if project.draws and options["csv"]:
            raise CommandError(f"“{project.name}” draws objects: choose --coco or --json.", returncode=USAGE)
        if not project.draws and (options["coco"] or options["shown"]):
            raise CommandError(f"“{project.name}” names classes: --coco and --shown are for drawn objects.",
                               returncode=USAGE)  # fmt: skip
        run = model_of(project, options["model"])
        files = files_of(options["sources"])
        answers, refused, calibrated = self._ask(run, files)
        for path, reason in refused:
            print(f"refused {path}: {reason}", file=sys.stderr, flush=True)
        index = categories.index(project)
        names = dict(zip(run.category_ids, index.label(run.category_ids), strict=True))
        if options["coco"]:
            _as_coco(run, answers, names, shown_only=options["shown"])
            self.finish(REFUSALS if refused else DONE)
            return
        rows = [_row(said, index, list(names.values()), shown_only=options["shown"]) for said in answers]
        if options["csv"]:
            _as_csv(list(names.values()), rows)
        else:
            facts = {
                "project": run.project_id, "model": run.number, "run": run.pk, "calibrated": calibrated,
                "results": rows, "refused": [{"file": path, "reason": reason} for path, reason in refused],
            }  # fmt: skip
            self.result(facts, "\n".join(_line(row, calibrated) for row in rows))
        self.finish(REFUSALS if refused else DONE)

    def _ask(self, run: TrainingRun, files: list[Path]) -> tuple[list[dict[str, Any]], list[tuple[str, str]], bool]:
        """Answers and refusals in the order of the files, from a child that has the model."""
        child = work_here("predict", run.pk, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert child.stdin is not None and child.stdout is not None
        # Beside the reading: with both pipes full, each would wait for the other.
        sender = threading.Thread(target=_send, args=(child.stdin, files), daemon=True)
        sender.start()
        answers: list[dict[str, Any]] = []
        refused: list[tuple[str, str]] = []
        calibrated = False
        try:
            for line in child.stdout:
                said = json.loads(line)
                if "calibrated" in said:
                    calibrated = said["calibrated"]
                elif "refused" in said:
                    refused.append((said["file"], said["refused"]))
                else:
                    answers.append(said)
                self.progress(len(answers) + len(refused), len(files), "images")
        except KeyboardInterrupt:
            raise CommandError("Stopped.") from None
        finally:
            if child.poll() is None and len(answers) + len(refused) < len(files):
                child.terminate()
            code = child.wait()
        if code or len(answers) + len(refused) < len(files):
            raise CommandError(f"The process that has the model ended (exit code {code}) before all was answered.")
        place = {str(path): at for at, path in enumerate(files)}
        return sorted(answers, key=lambda said: place[said["file"]]), refused, calibrated


def model_of(project: Project, number: int | None) -> TrainingRun:
    """The model in use, or the one of that number. CommandError when there is none."""
    if number is None:
        run = runs.active(project)
        if run is None:
            raise CommandError(f"“{project.name}” has no model in use. `train` makes one when there are labels enough.")
        if run.is_outside:
            raise CommandError(outside_models.where_from(run))
        return run
    run = project.runs.filter(number=number, state=State.DONE).exclude(checkpoint="").first()
    if run is None:
        raise CommandError(f"“{project.name}” has no trained model {number}.", returncode=USAGE)
    return run


def files_of(sources: Iterable[Path]) -> list[Path]:
    """Files as they were named, and all files of folders but hidden ones, by name; each once."""
    found: dict[Path, None] = {}
    for source in sources:
        if source.is_dir():
            found |= {path: None for path in sorted(source.rglob("*")) if path.is_file() and _shown(path, source)}
        elif source.exists():
            found[source] = None
        else:
            raise CommandError(f"There is no {source}.", returncode=USAGE)
    if not found:
        raise CommandError("There is no file in what was named.", returncode=USAGE)
    # Absolute: the child runs in the folder of the code.
    return [path.absolute() for path in found]


def _shown(path: Path, below: Path) -> bool:
    return not any(part.startswith(".") for part in path.relative_to(below).parts)


def _send(pipe: Any, files: list[Path]) -> None:
    try:
        for path in files:
            pipe.write(json.dumps(str(path)).encode() + b"\n")
        pipe.close()
    except BrokenPipeError:
        return  # the child has ended; whoever reads its answers says so


def _row(said: dict[str, Any], index: CategoryIndex, names: list[str], *, shown_only: bool) -> dict[str, Any]:
    """An answer with what the classes are called today."""
    found = index.label(said["categories"])
    if "objects" in said:
        drawn = drawn_answers.told(said["objects"], index.names)
        return said | {"categories": found, "objects": [one for one in drawn if one["shown"] or not shown_only]}
    return said | {"categories": found, "probabilities": dict(zip(names, said["probabilities"], strict=True))}


def _as_csv(names: list[str], rows: list[dict[str, Any]]) -> None:
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["file", "categories", "probability", *(f"p:{name}" for name in names)])
    for row in rows:
        said = "|".join(row["categories"])
        table.writerow([cell(row["file"]), cell(said), row["probability"], *row["probabilities"].values()])


def _as_coco(run: TrainingRun, answers: list[dict[str, Any]], names: dict[int, str], *, shown_only: bool) -> None:
    # Under the folder that holds them all: so each has a name of its own.
    base = os.path.commonpath([Path(said["file"]).parent for said in answers]) if answers else ""
    images = [said | {"name": Path(said["file"]).relative_to(base).as_posix()} for said in answers]
    title = f"{run.project.name}, model {run.number}"
    print(
        json.dumps(drawn_answers.coco(images, names, title=title, shown_only=shown_only), ensure_ascii=False),
        flush=True,
    )


def _line(row: dict[str, Any], calibrated: bool) -> str:
    """The file, and its classes with how sure the model is, or how many objects of each class are shown."""
    if "objects" in row:
        counts = Counter(one["category"] for one in row["objects"] if one["shown"])
        return f"{row['file']}\t" + (", ".join(f"{n} {name}" for name, n in sorted(counts.items())) or "nothing")
    said = ", ".join(row["categories"]) or "none"
    sure = f"{row['probability']:.0%}" if calibrated else f"{row['probability']:.2f} (not calibrated)"
    return f"{row['file']}\t{said}\t{sure}"
