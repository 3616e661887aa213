"""/api/schema/ and /api/docs/: the OpenAPI description, and pages to read and try it, from our own static files."""

from __future__ import annotations

from functools import cache

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.conf import settings
from django.http import HttpResponse
from django.utils.decorators import method_decorator
from django.utils.translation import get_language, get_supported_language_variant, override
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request

WRITERS = {writer.format: writer for writer in (OpenApiYamlRenderer, OpenApiJsonRenderer)}


@cache
def _description(language: str, form: str) -> bytes:
    """What a process serves again and again: making it takes seconds, and only the code and the language change it."""
    with override(language):
        return WRITERS[form]().render(SchemaGenerator().get_schema(request=None, public=True))


class Schema(SpectacularAPIView):
    """The description itself, in YAML, or in JSON with ?format=json; `?lang=` chooses among the languages there are."""

    def _get_schema_response(self, request: Request) -> HttpResponse:
        try:
            language = get_supported_language_variant(get_language() or "")
        except LookupError:
            language = settings.LANGUAGE_CODE
        renderer = request.accepted_renderer
        charset = f"; charset={renderer.charset}" if renderer.charset else ""
        return HttpResponse(
            _description(language, renderer.format),
            content_type=f"{renderer.media_type}{charset}",
            headers={"Content-Disposition": f'inline; filename="{self._get_filename(request, None)}"'},
        )


# Swagger UI brings a style sheet inside of its page and sets styles by script. Scripts stay as strict as everywhere.
@method_decorator(csp_replace({"style-src": [SELF, UNSAFE_INLINE]}), name="dispatch")
class Docs(SpectacularSwaggerSplitView):
    """Swagger UI."""

    url_name = "api:schema"
