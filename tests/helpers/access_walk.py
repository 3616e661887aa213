"""Every address there is as requests to send, and those that ask nobody for permission, each with the reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SAMPLES = {"int": "1", "slug": "x", "str": "x", "uuid": "0d9c3f9e-58a8-4c0e-9a53-0f6f3c8f6f0a"}
# Addresses, or one method of theirs, that say nothing of a project whose members one might not be.
OPEN = {
    "login": "where one says who one is",
    "logout": "ends one's own session, and there may be none",
    "login_once": "its secret says who one is",
    "invitation": "its secret is the permission: labeler/projects/invitations.py",
    "documents": "the manual",
    "document": "a page of the manual",
    "healthz": "this process lives",
    "readyz": "the database answers",
    "api:schema": "what REST can do, not what is in it",
    "api:docs": "the same, to read",
    "api:nothing": "every other address: 404",
    "api:tokens POST": "takes a name and a password, as the login does",
}
OWN = {
    "account": "one's own password, tokens and appearance",
    "revoke_token": "one's own tokens",
    "api:tokens": "one's own tokens",
    "api:token": "one's own tokens",
    "api:preferences": "one's own preferences",
}
LISTS = {
    "projects": "asks which projects are the person's",
    "api:projects": "asks which projects are the person's",
    "api:me": "asks which projects are the person's",
}
ADMINISTRATORS = {
    "new_project": "there is no project yet: administrators only",
    "api:projects POST": "the same",
    "about": "the server, not a project: administrators only",
}
ADMIN_SITE = "admin/"  # Django's own site asks Django: staff only, and for each table its permission


@dataclass(frozen=True)
class Request:
    """One method of one address. name: with its namespace, or the route where it has none."""

    name: str
    method: str
    route: str

    def url(self, project_id: int) -> str:
        route = self.route.replace("<int:project_id>", str(project_id))
        return "/" + re.sub(r"<(?:(\w+):)?\w+>", lambda found: SAMPLES[found[1] or "str"], route)


def walk(patterns: list[URLPattern | URLResolver], route: str = "", space: str = "") -> Iterator[Request]:
    for one in patterns:
        here = route + str(one.pattern).removeprefix("^")
        if here == ADMIN_SITE:
            continue
        if isinstance(one, URLResolver):
            yield from walk(one.url_patterns, here, f"{space}{one.namespace}:" if one.namespace else space)
        else:
            for method in METHODS:
                yield Request(f"{space}{one.name}" if one.name else here, method, here)


def group_of(request: Request) -> dict[str, str] | None:
    """A line for one method goes before the line for the whole address."""
    groups = (OPEN, OWN, LISTS, ADMINISTRATORS)
    exact = next((group for group in groups if f"{request.name} {request.method}" in group), None)
    return exact if exact is not None else next((group for group in groups if request.name in group), None)
