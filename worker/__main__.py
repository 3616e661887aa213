"""Run one piece of work in this process, without a broker: `python -m worker train RUN_ID`.

For the command line, for a machine without running workers, and for looking at a failure. The row is taken
like by any worker, so it cannot run twice at the same time.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys


def main() -> None:
    """Parse, set Django up, run. The row says how it ended; the exit code is 0 unless the process itself
    broke.
    """
    parser = argparse.ArgumentParser(prog="python -m worker", description=__doc__)
    parser.add_argument("work", choices=("train", "prelabel", "import", "errand", "predict", "release", "export"))
    parser.add_argument("row", type=int, metavar="ID", help="of the training run, the job or the errand")
    arguments = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labeler.settings")
    import django

    django.setup()
    worker = f"inline@{socket.gethostname()}:{os.getpid()}"
    if arguments.work == "train":
        from worker.training.train_run import train_run

        train_run(arguments.row, worker=worker)
    elif arguments.work == "prelabel":
        from worker.inference.write_prelabels import prelabel_job

        prelabel_job(arguments.row, worker=worker)
    elif arguments.work == "errand":
        from worker.inference.requests import run_errand

        run_errand(arguments.row, worker=worker)
    elif arguments.work == "release":
        from worker.releases.freezing import freeze_job

        freeze_job(arguments.row, worker=worker)
    elif arguments.work == "export":
        from worker.releases.building import build_job

        build_job(arguments.row, worker=worker)
    elif arguments.work == "predict":
        from worker.inference.batch import answer_lines

        for line in answer_lines(arguments.row, sys.stdin):
            print(line, flush=True)
    else:
        from worker.intake.imports import import_job

        import_job(arguments.row, worker=worker)


if __name__ == "__main__":
    main()
