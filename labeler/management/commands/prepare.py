"""`prepare`: what every start checks in the database. `up` runs it; safe to run by hand at any time.

Applies migrations that are missing (a restored dump may be older than the code), and makes the first
administrator when there is no account at all. Its password stays in the data directory while it works; as long as
that administrator has never logged in, each start also gets a link that does it (labeler/accounts/login_link.py).
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from labeler.accounts import login_link, people
from labeler.launch import embedded
from labeler.management.base import DataCommand

FIRST_ADMIN = "admin"


class Command(DataCommand):
    help = "Bring the database up to date and make the first administrator. `up` runs this at every start."

    def handle(self, *args: Any, **options: Any) -> None:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", interactive=False, verbosity=1)
        run = Path(settings.DATA_DIR) / "run"
        note, link = run / "admin-password", run / "login-link"
        user_model = get_user_model()
        with transaction.atomic():
            if not user_model.objects.exists():
                # Without look-alikes (l, 1, O, 0): people type it from a terminal.
                password = "-".join(
                    "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(4)) for _ in range(4)
                )
                # The note first: an administrator whose password nobody knows helps nobody.
                embedded.write_private(note, f"{password}\n")
                people.add_account(username=FIRST_ADMIN, password=password, is_administrator=True)
                self.say("Made the first administrator.")
        admin = user_model.objects.filter(username=FIRST_ADMIN, is_active=True).first()
        if note.exists() and (admin is None or not admin.check_password(note.read_text().strip())):
            note.unlink()  # changed since: the note is of no use to anybody
        secret = login_link.make(admin) if admin is not None and note.exists() else None
        if secret is None:
            link.unlink(missing_ok=True)
        else:
            embedded.write_private(link, f"{secret}\n")  # for `up`, which prints and removes it
