"""Answers that belong to one person are kept out of shared caches."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class PrivateResponses:
    """Adds `Cache-Control: no-store` to pages and JSON that carry no caching rule of their own.

    Without it a proxy, or the back button after signing out, shows one person's page to the next.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "no-store"
        return response
