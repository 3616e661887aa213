"""What every command of ours shares: where the data is, and how it reports.

The servers are up before a command runs (labeler.launch.embedded.prepare_for_command, in manage.py), and
--data was read there; it is declared here so that the parser knows it.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from django.core.management.base import BaseCommand, CommandError, CommandParser

from labeler.errors import LabelerError
from labeler.models import Project

DONE, FAILED, USAGE, REFUSALS = 0, 1, 2, 3  # exit codes; 3 = done, but some of the input was refused
MOST_REFUSALS = 50  # shown to a person; --json has more


@contextlib.contextmanager
def writing(target: Path) -> Iterator[BinaryIO]:
    """A file that is written beside its place and moved there when it is whole. Raises CommandError."""
    partial = target.with_name(f".{target.name}.part")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(target)
    except OSError as problem:
        raise CommandError(f"Cannot write {target}: {problem.strerror}.") from problem
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


class DataCommand(BaseCommand):
    """A command on one data directory.

    Lines for people go to stderr when --json is given, so that stdout holds the JSON result and nothing else.
    Raise CommandError for a failure (exit code 1); call `finish` for an exit code of one's own.
    """

    expected: ClassVar[tuple[type[Exception], ...]] = (LabelerError,)  # failures whose words are for that person
    goes_on: ClassVar[bool] = False  # repeated after Ctrl-C, it goes on from there
    requires_system_checks: list[str] = []  # 0.2 s per start, and `make lint` runs them

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.add_argument("--data", metavar="DIR", help="the data directory (default: var/ beside the code)")
        parser.add_argument("--json", action="store_true", help="print the result as JSON on stdout")
        parser.add_argument("--quiet", action="store_true", help="no lines for people, only the result and errors")
        return parser

    def execute(self, *args: Any, **options: Any) -> str | None:
        self._json: bool = bool(options.get("json"))
        self._quiet: bool = bool(options.get("quiet"))
        try:
            return super().execute(*args, **options)
        except self.expected as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt as stop:
            if not self.goes_on:
                raise
            raise CommandError("Stopped. The same command goes on from here.") from stop

    def say(self, line: str) -> None:
        """One line for the person at the terminal."""
        if not self._quiet:
            print(line, file=sys.stderr if self._json else sys.stdout, flush=True)

    def result(self, facts: dict[str, Any] | list[Any], text: str = "") -> None:
        """The outcome: JSON on stdout with --json, else `text`."""
        if self._json:
            print(json.dumps(facts, ensure_ascii=False, default=str), flush=True)
        elif text:
            print(text, flush=True)

    def say_refusals(self, lines: Iterable[str], n: int, what: str = "rows") -> None:
        """A line for each of the first that were refused, and how many of all `n` that leaves."""
        for line in islice(lines, MOST_REFUSALS):
            self.say(line)
        if n > MOST_REFUSALS:
            self.say(f"… and {n - MOST_REFUSALS:,} more refused {what} (--json names them)")

    def progress(self, done: int, total: int, what: str) -> None:
        """A progress bar, redrawn in place on stderr; nothing where stderr is no terminal."""
        if self._quiet or not sys.stderr.isatty():
            return
        filled = 30 * done // total if total else 30
        end = "\n" if done >= total else ""
        bar = f"{'█' * filled}{'·' * (30 - filled)}"
        print(f"\r{bar} {done}/{total} {what} ", end=end, file=sys.stderr, flush=True)

    def project(self, name: str) -> Project:
        """The project of this name or number. Raises CommandError (usage) with the names there are."""
        live = Project.objects.not_in_trash()
        found = list(live.filter(name=name)[:2]) or (list(live.filter(pk=int(name))) if name.isdigit() else [])
        if not found:
            names = ", ".join(f"“{project.name}”" for project in live[:20]) or "none"
            raise CommandError(f"There is no project “{name}”. There are: {names}.", returncode=USAGE)
        if len(found) > 1:
            numbers = ", ".join(str(pk) for pk in live.filter(name=name).values_list("pk", flat=True))
            raise CommandError(
                f"Several projects are called “{name}”: name one by its number ({numbers}).", returncode=USAGE
            )
        return found[0]

    def finish(self, code: int) -> None:
        """End with an exit code of one's own (REFUSALS, say)."""
        if code != DONE:
            sys.exit(code)
