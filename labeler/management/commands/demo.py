"""`demo`: a project of drawn leaves and simulated people, and an empty one to try. Made once."""

from __future__ import annotations

import time
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from labeler.demo import chess, scenario
from labeler.management.base import DataCommand


class Command(DataCommand):
    help = "Make the demo project: drawn leaves, four simulated people, agreement, and a training run."

    def handle(self, *args: Any, **options: Any) -> None:
        lead = get_user_model().objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
        if lead is None:
            raise CommandError("The demo needs an administrator to lead it: create_user NAME --admin first.")
        begun = time.monotonic()
        self.say("Making the demo project …")
        demo = scenario.make(lead=lead, progress=self.progress)
        # Who has thrown it away shall not find it again after the next start.
        drawn = chess.find() if not demo.made else None
        if demo.made or drawn is not None:
            drawn = chess.make(lead=lead, progress=self.progress)
        seconds = time.monotonic() - begun
        facts = {
            "project": demo.project.pk,
            "empty_project": demo.empty.pk if demo.empty else None,
            "objects_project": drawn.pk if drawn else None,
            "made": demo.made,
            "seconds": round(seconds, 1),
        }
        text = (
            f"Made “{demo.project.name}”: {scenario.IMAGES} images, {scenario.LABELS} labels, {seconds:.0f} s."
            if demo.made
            else f"“{demo.project.name}” is there already: nothing to do."
        )
        self.result(facts, "" if self._quiet else text)
