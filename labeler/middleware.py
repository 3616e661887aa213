"""Answers that belong to one person are kept out of shared caches; an address that only takes a form says so."""

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


class WordsForNotAllowed:
    """Gives a page to somebody who typed or reloaded the address of a form: Django's own answer is empty."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 405 and request.method == "GET" and not response.content:
            from labeler.pages.errors import not_allowed

            allowed = response["Allow"]
            response = not_allowed(request)
            response["Allow"] = allowed
        return response
