"""A person's own account: logging in, the password, tokens of REST clients, appearance, keys of the labeling screen,
other browsers.

Knows which forms are shown. Tokens, passwords, sessions and what counts as a key (preferences.py) are
labeler/accounts/'s.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import login as auth_login
from django.contrib.auth import update_session_auth_hash, views
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from labeler.accounts import login_link, people, preferences, tokens
from labeler.errors import Gone, LabelerError, NotFound, TooManyRequests, WrongPassword
from labeler.models import Preference
from labeler.pages.asking import person
from labeler.pages.forms import Appearance, NewToken
from labeler.pages.refusals import refusal_in

KEYS = preferences.ACTIONS | preferences.DRAWING
KEY_NAMES = [*preferences.NAMED_KEYS, "Shift+F", "Alt+X"]


class LoginForm(AuthenticationForm):
    """Django's form, with our check, which slows down guessing and tells nobody which names exist."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "inactive": gettext_lazy("This account is switched off."),
    }
    wait: Any = None  # seconds, after too many tries

    def clean(self) -> dict[str, Any]:
        username, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if username and password:
            address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
            try:
                self.user_cache = people.check_password(username=username, password=password, address=address)
            except LabelerError as error:
                self.wait = error.details.get("retry_after")
                raise ValidationError(error.message) from error
            self.confirm_login_allowed(self.user_cache)
        return self.cleaned_data


class TickedUnlessSaid(forms.CheckboxInput):
    """A box that is on unless the page said off: its hidden twin is sent when it is not ticked, a program's post has
    neither.
    """

    def value_from_datadict(self, data: Any, files: Any, name: str) -> bool:
        return bool(data.get(name) != "off")


class PasswordForm(PasswordChangeForm):
    """Django's form; the old password is judged where all are, or a session left open would be a place to guess it."""

    wait: Any = None  # seconds, after too many tries
    revoked = 0  # tokens

    def __init__(self, request: HttpRequest, data: Any = None):
        super().__init__(person(request), data)
        self.request = request
        # Django focuses it; here it is the second thing on the page.
        self.fields["old_password"].widget.attrs.pop("autofocus", None)
        self.fields["revoke_tokens"] = forms.BooleanField(
            label=_("End my tokens too"), required=False, initial=True, widget=TickedUnlessSaid,
            help_text=_("Scripts that use them stop working. Untick it only if nobody else knew the old password."),
        )  # fmt: skip

    def save(self, commit: bool = True) -> Any:
        keep = not self.cleaned_data["revoke_tokens"]
        password = self.cleaned_data["new_password1"]
        self.revoked = people.change_password(user=self.user, password=password, by=self.user, keep_tokens=keep)
        return self.user

    def clean_old_password(self) -> str:
        try:
            people.check_password(
                username=self.user.get_username(),
                password=self.cleaned_data["old_password"],
                address=self.request.META.get("REMOTE_ADDR", ""),
            )
        except WrongPassword as error:
            raise ValidationError(self.error_messages["password_incorrect"], code="password_incorrect") from error
        except TooManyRequests as error:
            self.wait = error.details["retry_after"]
            raise ValidationError(error.message) from error
        return self.cleaned_data["old_password"]


class OwnKeys(forms.Form):
    """The keys of the labeling screen, typed by name: nothing can be pressed without a script. One field per action."""

    single_keys = forms.BooleanField(
        label=gettext_lazy("Single keys"),
        required=False,
        help_text=gettext_lazy(
            "Off: letters, digits and signs do nothing alone, only together with Alt. Enter, Escape, arrows and space "
            "go on working."
        ),
    )

    def __init__(self, data: Any, preference: Preference):
        shown = {name: _typed_key(key) for name, key in preferences.keys_of(preference, KEYS).items()}
        super().__init__(data, initial={**shown, "single_keys": preference.single_keys}, auto_id="key_%s")
        for name, action in KEYS.items():
            attrs = {"list": "key-names", "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
            self.fields[name] = forms.CharField(
                label=action.words, max_length=30, strip=False, widget=forms.TextInput(attrs=attrs),
                required=name in preferences.ACTIONS,  # the others: empty is the one that it comes with
            )  # fmt: skip

    def actions(self) -> list[forms.BoundField]:
        return [self[name] for name in preferences.ACTIONS]

    def drawing(self) -> list[forms.BoundField]:
        return [self[name] for name in preferences.DRAWING]

    def save(self, user: Any) -> bool:
        """False when the domain has something to say about it."""
        with refusal_in(self):
            preferences.change(
                user=user,
                single_keys=self.cleaned_data["single_keys"],
                keys={name: _read_key(typed) for name in KEYS if (typed := self.cleaned_data[name])},
            )
            return True
        return False


def _typed_key(key: str) -> str:
    """As people type it: S, Space, Shift+F."""
    start = key.rfind("+", 0, -1) + 1
    return key[:start] + (key[start:].upper() if len(key) - start == 1 else key[start:])


def _read_key(text: str) -> str:
    return text if text == " " else text.strip()


class Login(views.LoginView):
    template_name = "account/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True

    def form_invalid(self, form: LoginForm) -> HttpResponse:  # type: ignore[override]
        return _told_to_wait(super().form_invalid(form), form)


def _told_to_wait(response: HttpResponse, form: LoginForm | PasswordForm) -> HttpResponse:
    if form.wait is not None:
        response.status_code = 429
        response["Retry-After"] = str(form.wait)
    return response


login = Login.as_view()
logout = views.LogoutView.as_view()


@sensitive_variables("secret")
@never_cache
@require_GET
def login_once(request: HttpRequest, secret: str) -> HttpResponse:
    """Behind the link that a start prints. A browser that only fetches ahead must not use it up."""
    if "prefetch" in request.headers.get("Sec-Purpose", ""):
        return HttpResponse(status=503)
    try:
        user = login_link.use(secret)
    except Gone as error:
        if request.user.is_authenticated:
            return redirect("projects")
        response = render(request, "account/over.html", {"why": error.message}, status=error.status)
    else:
        auth_login(request, user)
        messages.success(request, _("You are logged in as %(name)s.") % {"name": user.get_username()})
        response = redirect("projects")
    response["Referrer-Policy"] = "same-origin"  # the address was a secret
    return response


@sensitive_post_parameters()
@login_required
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Password, tokens, appearance and other browsers.

    A new token is shown in the answer to its form: on its way through a session its secret would be stored.
    """
    user, wanted = person(request), request.POST.get("do")
    preference = preferences.preferences_of(user)

    def sent(form: str) -> QueryDict | None:
        return request.POST if wanted == form else None

    token_form = NewToken(sent("token"), auto_id="token_%s")
    password_form = PasswordForm(request, sent("password"))
    theme_form = Appearance(sent("theme"), initial={"theme": preference.theme})
    keys_form = OwnKeys(sent("keys"), preference)
    token, secret = None, ""
    if token_form.is_valid():
        with refusal_in(token_form):
            token, secret = tokens.create_token(user=user, **token_form.cleaned_data)
            token_form = NewToken(auto_id="token_%s")
    elif password_form.is_valid():
        _change_password(request, password_form)
        return redirect("account")
    elif theme_form.is_valid():
        preferences.change(user=user, theme=theme_form.cleaned_data["theme"])
        messages.success(request, _("Saved, for every machine you log in on."))
        return redirect("account")
    elif wanted == "keys":
        if _change_keys(request, keys_form):
            return redirect("account")
    elif wanted == "sessions":
        _end_other_sessions(request)
        return redirect("account")
    context = {
        "tokens": tokens.live_tokens(user),
        "token_form": token_form,
        "password_form": password_form,
        "theme_form": theme_form,
        "keys_form": keys_form,
        "key_names": KEY_NAMES,
        "secret": secret,
        "secret_name": token.name if token else "",
        "base_url": f"{request.scheme}://{request.get_host()}",
    }
    return _told_to_wait(render(request, "account/account.html", context), password_form)


def _change_password(request: HttpRequest, form: PasswordForm) -> None:
    form.save()
    # Every other session of the person ends; this one goes on.
    update_session_auth_hash(request, form.user)
    said = _("Your password is changed. Other browsers are logged out.")
    if form.revoked:
        ended = ngettext("%(n)d token was ended.", "%(n)d tokens were ended.", form.revoked) % {"n": form.revoked}
        said = f"{said} {ended}"
    messages.success(request, said)


def _change_keys(request: HttpRequest, form: OwnKeys) -> bool:
    if request.POST.get("reset"):
        preferences.change(user=person(request), keys={})
        messages.success(request, _("All keys are as they come."))
        return True
    if not form.is_valid() or not form.save(person(request)):
        return False
    messages.success(request, _("Saved, for every machine you log in on."))
    return True


def _end_other_sessions(request: HttpRequest) -> None:
    ended = people.end_other_sessions(user=person(request), keep=request.session.session_key)
    if ended:
        text = ngettext("%(n)d other browser is logged out.", "%(n)d other browsers are logged out.", ended)
        messages.success(request, text % {"n": ended})
    else:
        messages.success(request, _("You were logged in nowhere else."))


@login_required
@require_POST
def revoke_token(request: HttpRequest, token_id: int) -> HttpResponse:
    try:
        token = tokens.revoke_token(user=person(request), token_id=token_id)
    except NotFound as error:
        raise Http404(error.message) from error
    messages.success(request, _("The token “%(name)s” no longer works.") % {"name": token.name})
    return redirect("account")
