"""Write down who did what, to the audit table. The only module that writes AuditEvent.

Rows are never changed or deleted: the database refuses it.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from labeler.models import AuditEvent, Project


def audit(
    actor: User | None, action: str, *, project: Project | int | None = None, subject: str = "", **details: Any
) -> AuditEvent:
    """Write down who did what that matters. Call it in the transaction of the deed: both happen, or neither.

    action: noun.verb ("token.create"); subject: what it was done to, for a person; details: JSON values.
    """
    return AuditEvent.objects.create(
        actor=actor,
        actor_name=actor.get_username() if actor else "",
        project_id=project.pk if isinstance(project, Project) else project,
        action=action,
        subject=subject[:200],
        details=details,
    )
