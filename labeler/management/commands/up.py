"""`up`: everything in the foreground - database, broker, web, workers, beat - until Ctrl-C."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from labeler.launch import embedded
from labeler.launch.parts import Options
from labeler.launch.problems import CannotStart
from labeler.launch.supervisor import StoppedEarly, Supervisor
from labeler.management.base import FAILED, DataCommand


class Command(DataCommand):
    help = "Start Labeler in the foreground: servers, web, workers. Ctrl-C or SIGTERM stops all it started."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port", type=int, default=8000, help="where it listens (default 8000; 0 picks a free one)"
        )
        parser.add_argument("--host", default="127.0.0.1", help="default 127.0.0.1: this machine only")
        parser.add_argument("--demo", action="store_true", help="make the demo project, once per data directory")
        parser.add_argument("--no-worker", action="store_true", help="no workers, no beat: only servers and web")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = Options(
            data_dir=embedded.data_dir_from_environment(),
            port=options["port"],
            host=options["host"],
            demo=options["demo"],
            worker=not options["no_worker"],
        )
        try:
            Supervisor(chosen, self.say).run()
        except CannotStart as problem:
            # Without the "CommandError:" in front: this is for a person.
            self.stderr.write(str(problem))
            self.finish(FAILED)
        except StoppedEarly:
            return  # stopped as asked, only before it was ready
