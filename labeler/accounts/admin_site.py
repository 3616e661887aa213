"""The site behind /admin/. People log in on the product's own page, so failed passwords are counted there too.

Which tables it shows is labeler/admin/'s.
"""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache


class Site(AdminSite):
    """Django's, without forms of its own that take a password."""

    @method_decorator(never_cache)
    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        wanted = request.GET.get(REDIRECT_FIELD_NAME, "")
        if not url_has_allowed_host_and_scheme(wanted, allowed_hosts=None):
            wanted = reverse("admin:index", current_app=self.name)
        if self.has_permission(request):
            return redirect(wanted)
        if request.user.is_authenticated:
            # Sent to the log-in page, they would be sent back here, and so on.
            raise PermissionDenied(
                _("The administration is for administrators. You are logged in as %(name)s.")
                % {"name": request.user.get_username()}
            )
        from django.contrib.auth.views import redirect_to_login  # here: apps are not loaded when this module is

        return redirect_to_login(wanted)

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:  # type: ignore[override]
        return redirect(reverse("account") + "#password")


class Administration(AdminConfig):
    default_site = "labeler.accounts.admin_site.Site"
