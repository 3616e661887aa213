"""The adjudication page in a browser."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import Page

from labeler.models import Decision, Image
from tests.helpers.pages import url


def painted(page: Page, image: Image | None = None) -> None:
    wanted = f'"{image.pk}"' if image else "undefined"
    page.wait_for_function(
        f"() => {{ const at = document.documentElement.dataset.painted; return at && (!{wanted} || at === {wanted}); }}"
    )


def opened(page: Page, live_server, project, query: str = "") -> None:
    page.goto(live_server.url + url("adjudicate", project) + query)
    painted(page)


def decisions() -> list[tuple[int, list[str]]]:
    """Standing ones in the order they were made: image and class names."""
    rows = Decision.objects.filter(withdrawn_at=None, created_at__gt=timezone.now() - timedelta(hours=1))
    names = {c.pk: c.name for row in rows for c in row.image.project.categories.all()}
    return [(row.image_id, [names[pk] for pk in row.categories]) for row in rows.order_by("id")]


def just(page: Page):
    return page.locator("#adj-just")
