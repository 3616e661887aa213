"""`export_model --project NAME`: a trained model as a zip, with its card and the lines of code that load it."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from labeler.accounts.audit import audit
from labeler.management.base import DataCommand, writing
from labeler.management.commands.predict import model_of
from labeler.management.work import LOOK_SECONDS, a_worker_serves, work_here
from labeler.models import Errand, TrainingRun
from labeler.training import inference_requests, model_files


class Command(DataCommand):
    help = "Write a trained model as a zip: safetensors, a JSON that describes it, its card, a README; ONNX on request."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", metavar="NAME", required=True, help="name or number of the project")
        parser.add_argument("--model", metavar="N", type=int, help="number of the model (default: the one in use)")
        parser.add_argument("--onnx", action="store_true", help="with an ONNX file, compared with the model")
        parser.add_argument("--output", metavar="FILE", type=Path, help="where to (default: a name of its own, here)")

    def handle(self, *args: Any, **options: Any) -> None:
        project = self.project(options["project"])
        run = model_of(project, options["model"])
        made = model_files.package(run, onnx=self._converted(run) if options["onnx"] else None)
        target = options["output"] or Path(made.name)
        with writing(target) as file:
            shutil.copyfileobj(made.file, file)
        audit(None, "model.export", project=project, subject=made.name)
        facts = {"file": str(target), "bytes": made.size, "model": run.number, "run": run.pk}
        self.result(facts, f"Wrote {target} ({made.size:,} bytes).")

    def _converted(self, run: TrainingRun) -> Errand:
        """The finished conversion: by a worker that is there, or by a child. Raises NotPossibleNow."""
        errand = inference_requests.convert(run=run, asked_by=None)
        if not errand.is_finished:
            self.say("Writing the ONNX file and comparing it with the model")
        if not errand.is_finished and not a_worker_serves("gpu"):
            work_here("errand", errand.pk).wait()
            errand.refresh_from_db()
            if not errand.is_finished:
                raise CommandError("The process that writes the ONNX file ended before it was done.")
        while (done := model_files.conversion_of(errand)) is None:
            time.sleep(LOOK_SECONDS)
            errand.refresh_from_db()
        return done
