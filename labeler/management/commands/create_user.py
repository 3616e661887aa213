"""`create_user NAME [--admin] --password-stdin`: an account, from the command line."""

from __future__ import annotations

import sys
from getpass import getpass
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.db import IntegrityError

from labeler.accounts import people
from labeler.management.base import DataCommand


class Command(DataCommand):
    help = "Make an account. With --admin it may create projects, sees all of them, and opens the admin site."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", metavar="NAME")
        parser.add_argument("--admin", action="store_true", help="may create projects and see all of them")
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the password from the first line of stdin"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["password_stdin"]:
            password = sys.stdin.readline().rstrip("\r\n")
        elif sys.stdin.isatty():
            password = getpass("Password: ")
            if getpass("Again: ") != password:
                raise CommandError("The two passwords differ.")
        else:
            raise CommandError("Give the password on stdin with --password-stdin.", returncode=2)
        if not password:
            raise CommandError("An empty password is not accepted.")
        try:
            validate_password(password, get_user_model()(username=options["username"]))
        except ValidationError as error:
            # Whoever runs this owns the machine and may have reasons (a test, a kiosk): told, not refused.
            self.stderr.write(f"Weak password, accepted: {' '.join(error.messages)}")
        try:
            user = people.add_account(
                username=options["username"], password=password, is_administrator=options["admin"]
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except IntegrityError as error:  # made by somebody else just now
            raise CommandError(f"There is an account {options['username']} already.") from error
        self.result(
            {"id": user.pk, "username": user.get_username(), "admin": user.is_superuser},
            f"Made the {'administrator' if user.is_superuser else 'account'} {user.get_username()}.",
        )
