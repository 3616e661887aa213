"""`changepassword NAME`: Django's command; the person's tokens end with the old password."""

from __future__ import annotations

import getpass
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.management.commands import changepassword
from django.core.management.base import CommandParser
from django.db import transaction

from labeler.accounts import people


class Command(changepassword.Command):
    help = "Give an account a new password. Its sessions and tokens end."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--data", metavar="DIR", help="the data directory (default: var/ beside the code)")

    def _get_pass(self, prompt: str = "Password: ") -> str:
        self.password: str = super()._get_pass(prompt)  # type: ignore[misc]
        return self.password

    def handle(self, *args: Any, **options: Any) -> str | None:
        with transaction.atomic():
            said = super().handle(*args, **options)
            user = get_user_model().objects.get(username=options["username"] or getpass.getuser())
            people.change_password(user=user, password=self.password, by=None)
        return said
