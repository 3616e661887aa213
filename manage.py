#!/usr/bin/env python
"""The command line: `up`, `create_user`, `import_images`, `export`, `agreement`, `train`, `doctor`, and Django's own.

`--data DIR` names the data directory. It has to be known before settings load, because the
database's address is written there by the launcher, so it is looked up here.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent


def data_dir_from(argv: list[str]) -> str | None:
    """The value of --data in argv, whichever way it is written; None when absent."""
    for position, word in enumerate(argv):
        if word == "--data" and position + 1 < len(argv):
            return argv[position + 1]
        if word.startswith("--data="):
            return word.removeprefix("--data=")
    return None


def main() -> None:
    """Run one management command, with the database it needs up for as long as it runs."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labeler.settings")
    if (data := data_dir_from(sys.argv)) is not None:
        os.environ["LABELER_DATA"] = str(Path(data).expanduser().resolve())
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed for this Python. Run `make install`, then use .venv/bin/python manage.py")
    from django.core.exceptions import ImproperlyConfigured

    from labeler.launch import embedded

    try:
        with embedded.prepare_for_command(sys.argv):
            execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:  # a setting that makes no sense: its sentence says all
        sys.exit(str(error))


if __name__ == "__main__":
    main()
