"""/api/schema/ and /api/docs/: the OpenAPI description, and pages to read and try it, from our own static files."""

from __future__ import annotations

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.utils.decorators import method_decorator
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView


class Schema(SpectacularAPIView):
    """The description itself, in YAML, or in JSON with ?format=json."""


# Swagger UI brings a style sheet inside of its page and sets styles by script. Scripts stay as strict as
# everywhere.
@method_decorator(csp_replace({"style-src": [SELF, UNSAFE_INLINE]}), name="dispatch")
class Docs(SpectacularSwaggerSplitView):
    """Swagger UI."""

    url_name = "api:schema"
