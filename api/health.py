"""/healthz: this process lives. /readyz: the database answers, broker and workers are reported. No secrets."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from api.errors import RETRY_SECONDS
from labeler.jobs import dispatch


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """503 without the database. Labels are saved without broker and workers, so those are only reported."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        database = True
    except DatabaseError:
        database = False
    workers = dispatch.workers_alive()
    answer = {
        "status": "ok" if database else "unavailable",
        "database": database,
        "broker": workers is not None,
        "workers": len(workers or ()),
    }
    headers = {} if database else {"Retry-After": str(RETRY_SECONDS)}
    return JsonResponse(answer, status=200 if database else 503, headers=headers)
