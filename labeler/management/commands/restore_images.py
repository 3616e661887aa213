"""`restore_images --project NAME (--all | --filter NAME=VALUE | ID …)`: bring images back from the trash."""

from __future__ import annotations

from typing import ClassVar

from labeler.management.commands import delete_images


class Command(delete_images.Command):
    help = (
        "Bring images back from the trash with everything that is known of them. Exit code 3: done, but some of the "
        "images were not in the trash."
    )
    restores: ClassVar[bool] = True
