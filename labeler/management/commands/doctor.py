"""`doctor`: look at everything a running Labeler needs, and say what to do about what is wrong."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from typing import Any

from labeler.launch import health
from labeler.launch.health import Finding
from labeler.management.base import FAILED, DataCommand


def device() -> Finding:
    """Asked of a process of its own: this one loads no torch. It takes seconds, so the page /about/ does without."""
    code = (
        "import torch; print('GPU ' + torch.cuda.get_device_name(0) if torch.cuda.is_available() else "
        "f'CPU, {torch.__version__}')"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if answer.returncode != 0:
        return Finding("torch", "bad", f"cannot be loaded: {answer.stderr.strip().splitlines()[-1]}")
    return Finding("torch", "good", answer.stdout.strip())


class Command(DataCommand):
    help = "Look at packages, disk, database, broker, workers, queues and GPU. Exit code 1: something is wrong."

    def handle(self, *args: Any, **options: Any) -> None:
        findings = []
        for check in (*health.CHECKS, device):
            finding = check()
            findings.append(finding)
            mark = {"good": "✓", "note": "·", "bad": "✗"}[finding.state]
            self.say(f"{mark} {finding.name}: {finding.text}")
        healthy = all(finding.state != "bad" for finding in findings)
        self.result({"healthy": healthy, "findings": [asdict(finding) for finding in findings]})
        if not healthy:
            self.finish(FAILED)
