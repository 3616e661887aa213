"""Run one piece of work in this process, without a broker: `python -m worker train RUN_ID`.

For the command line, for a machine without running workers, and for looking at a failure. The row is taken
like by any worker, so it cannot run twice at the same time.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys

WORK = {
    "train": "worker.training.train_run.train_run",
    "prelabel": "worker.inference.write_prelabels.prelabel_job",
    "import": "worker.intake.import_job",
    "errand": "worker.inference.requests.run_errand",
    "release": "worker.releases.freeze_job",
    "export": "worker.releases.build_job",
}


def main() -> None:
    """Parse, set Django up, run. The row says how it ended; the exit code is 0 unless the process itself broke."""
    parser = argparse.ArgumentParser(prog="python -m worker", description=__doc__)
    parser.add_argument("work", choices=(*WORK, "predict"))
    parser.add_argument("row", type=int, metavar="ID", help="of the training run, the job or the errand")
    arguments = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labeler.settings")
    import django
    from django.utils.module_loading import import_string

    django.setup()
    if arguments.work == "predict":
        from worker.inference.batch import answer_lines

        for line in answer_lines(arguments.row, sys.stdin):
            print(line, flush=True)
    else:
        import_string(WORK[arguments.work])(arguments.row, worker=f"inline@{socket.gethostname()}:{os.getpid()}")


if __name__ == "__main__":
    main()
