"""Links that let one person in: once, in time, and only as long as whoever made them could still invite."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from labeler.errors import Conflict, Gone, Invalid, NotFound
from labeler.models import AuditEvent, Invitation, Membership
from labeler.projects import invitations, members, projects
from tests.helpers.api import as_person, error_of
from tests.helpers.at_once import together
from tests.helpers.factories import join, make_project, make_user
from tests.helpers.pages import said, url

User = get_user_model()
PASSWORD = "orchid kettle 42"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


@pytest.fixture
def invite(project, lena):
    """`invite()`: the secret of a new link of lena's."""
    return lambda **wanted: invitations.create(project=project, by=lena, **wanted)[1]


def page_of(secret: str) -> str:
    return reverse("invitation", args=[secret])


def role_of(project, person) -> str | None:
    return project.memberships.filter(user=person).values_list("role", flat=True).first()


# ---------------------------------------------------------------- the verb


def test_only_the_hash_of_a_link_is_kept(project, lena):
    invitation, secret = invitations.create(project=project, by=lena, role="reviewer", note=" Bea  from Bonn ")

    assert len(secret) >= 43  # 256 bit, 6 of them per character
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(i)::text FROM labeler_invitation i")
        (stored,) = cursor.fetchone()
    assert secret not in stored
    assert (invitation.digest, invitation.note) == (invitations.digest(secret), "Bea from Bonn")
    assert 13.9 < (invitation.expires_at - timezone.now()) / timedelta(days=1) <= 14


def test_somebody_with_an_account_becomes_a_member_in_the_role_of_the_link(project, invite, carl, lena):
    invitations.accept(secret=invite(role="reviewer", note="for Carl"), user=carl)

    assert role_of(project, carl) == "reviewer"
    events = list(AuditEvent.objects.filter(project=project).order_by("id").values_list("action", "actor_name"))
    assert events == [("invitation.create", "lena"), ("member.add", "lena"), ("invitation.accept", "carl")]


def test_a_link_works_once(project, invite, carl):
    secret = invite()
    invitations.accept(secret=secret, user=carl)

    with pytest.raises(Gone, match="has been used"):
        invitations.accept(secret=secret, user=make_user("otto"))
    assert not Membership.objects.filter(user__username="otto").exists()


def test_who_is_in_already_does_not_use_the_link_up(project, invite, ann, carl):
    secret = invite(role="lead")
    with pytest.raises(Conflict):
        invitations.accept(secret=secret, user=ann)

    assert role_of(project, ann) == "annotator"
    invitations.accept(secret=secret, user=carl)
    assert role_of(project, carl) == "lead"


@pytest.mark.parametrize("username", ["", "ann", "Ann", "a name with spaces", "x" * 151])
def test_a_name_that_cannot_be_had_leaves_the_link_as_it_was(project, invite, ann, username):
    secret = invite()
    with pytest.raises((Invalid, Conflict)) as caught:
        invitations.join_with_new_account(secret=secret, username=username, password=PASSWORD)

    assert "username" in caught.value.fields
    assert invitations.find(secret)
    assert User.objects.count() == 6 - 1  # ann, bea, dora, rev, lena: the cast of the project, and nobody else


@pytest.mark.parametrize("password", ["short", "password123", "dieter-dieter"])
def test_a_weak_password_is_refused_in_the_validators_own_words(project, invite, password):
    with pytest.raises(Invalid) as caught:
        invitations.join_with_new_account(secret=invite(), username="dieter-dieter", password=password)

    assert caught.value.fields["password"]
    assert not User.objects.filter(username="dieter-dieter").exists()


def test_links_that_are_over_say_which_way(project, lena, carl, invite):
    expired, revoked = invite(), invite()
    Invitation.objects.filter(digest=invitations.digest(expired)).update(expires_at=timezone.now())
    invitations.revoke(invitation=Invitation.objects.get(digest=invitations.digest(revoked)), by=lena)

    with pytest.raises(Gone, match="has expired"):
        invitations.accept(secret=expired, user=carl)
    with pytest.raises(Gone, match="taken back"):
        invitations.accept(secret=revoked, user=carl)
    with pytest.raises(NotFound, match="copied whole"):
        invitations.accept(secret="nonsense", user=carl)
    assert role_of(project, carl) is None


def test_a_lead_who_was_shown_out_cannot_come_back_by_a_link(project, lena, rev, carl):
    project.memberships.filter(user=rev).update(role="lead")
    _, secret = invitations.create(project=project, by=rev, role="lead")

    members.remove_member(member=project.memberships.get(user=rev), by=lena)

    with pytest.raises(Gone):
        invitations.accept(secret=secret, user=carl)


def test_a_project_in_the_trash_lets_nobody_in(project, invite, lena, carl):
    secret = invite()
    projects.trash(project=project, by=lena)

    with pytest.raises(Gone):
        invitations.accept(secret=secret, user=carl)


def test_an_accepted_invitation_is_not_revoked(project, lena, carl, invite):
    invitations.accept(secret=invite(), user=carl)

    with pytest.raises(Conflict, match="remove the member instead"):
        invitations.revoke(invitation=Invitation.objects.get(), by=lena)


@pytest.mark.django_db(transaction=True)
def test_two_people_at_the_same_moment_do_not_both_come_in(lena):
    for number in range(8):
        project = make_project(lead=lena)
        _, secret = invitations.create(project=project, by=lena)
        people = [make_user(f"guest-{number}-{place}") for place in (1, 2)]

        def come_in(guest, secret=secret) -> str:
            try:
                invitations.accept(secret=secret, user=guest)
            except Gone:
                return "gone"
            return "in"

        assert sorted(together([lambda p=p, go=come_in: go(p) for p in people])) == ["gone", "in"]
        assert project.memberships.filter(user__in=people).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_new_accounts_at_the_same_moment_leave_one_account(lena):
    project = make_project(lead=lena)
    _, secret = invitations.create(project=project, by=lena)

    def come_in(name: str) -> str:
        try:
            invitations.join_with_new_account(secret=secret, username=name, password=PASSWORD)
        except Gone:
            return "gone"
        return "in"

    assert sorted(together([lambda: come_in("newcomer-1"), lambda: come_in("newcomer-2")])) == ["gone", "in"]
    assert User.objects.filter(username__startswith="newcomer").count() == 1


# ---------------------------------------------------------------- the page behind the link


def test_opening_a_link_uses_nothing_up_and_names_project_and_inviter(client, project, invite):
    secret = invite()
    for _ in range(3):
        page = client.get(page_of(secret))

    html = page.content.decode()
    assert page.status_code == 200
    assert "Animals" in html and "lena" in html
    assert invitations.find(secret)


def test_the_link_does_not_leak(client, project, invite):
    page = client.get(page_of(invite()))

    assert page["Referrer-Policy"] == "same-origin"
    assert page["X-Robots-Tag"] == "noindex"
    assert "no-store" in page["Cache-Control"]
    # Nothing on the page leads to another host.
    assert not re.search(r'(?:href|src|action)="(?:https?:)?//', page.content.decode())


def test_somebody_without_an_account_chooses_a_name_and_is_in(project, invite):
    client = Client(enforce_csrf_checks=True)
    page = client.get(page_of(invite(role="annotator")))
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.content.decode())[1]
    form = {"username": "zoe", "password": PASSWORD, "again": PASSWORD, "csrfmiddlewaretoken": token}

    answer = client.post(page.request["PATH_INFO"], form, follow=True)

    zoe = User.objects.get(username="zoe")
    assert answer.redirect_chain[-1][0] == url("project", project)
    assert answer.context["user"] == zoe
    assert zoe.check_password(PASSWORD)
    assert (zoe.is_staff, zoe.is_superuser) == (False, False)
    assert role_of(project, zoe) == "annotator"
    assert said(answer) == ["You are in, as annotator."]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"username": "ann"}, "Somebody has the name “ann” already"),
        ({"password": "short", "again": "short"}, "too short"),
        ({"again": "another one 42"}, "The two passwords differ."),
        ({"username": "a b"}, "Enter a valid username"),
        ({"password": ""}, "This field is required"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_the_link_stays_good(client, invite, ann, change, sentence):
    secret = invite()
    form = {"username": "zoe", "password": PASSWORD, "again": PASSWORD, **change}

    page = client.post(page_of(secret), form)

    assert page.status_code == 200
    assert sentence in page.content.decode()
    assert invitations.find(secret)


def test_somebody_who_is_logged_in_joins_by_one_button(as_, carl, project, invite):
    secret = invite()
    html = as_(carl).get(page_of(secret)).content.decode()
    assert "Join as carl" in html

    answer = as_(carl).post(page_of(secret))

    assert answer.url == url("project", project)
    assert role_of(project, carl) == "annotator"
    # The link in the mail still leads there, for the one who came in by it.
    assert as_(carl).get(page_of(secret)).url == url("project", project)


def test_logging_in_and_out_on_the_way_comes_back_to_the_link(client, carl, invite):
    carl.set_password(PASSWORD)
    carl.save()
    address = page_of(invite())
    assert f'href="/login/?next={address}"' in client.get(address).content.decode()

    answer = client.post("/login/", {"username": "carl", "password": PASSWORD, "next": address})
    assert answer.url == address
    assert client.post("/logout/", {"next": address}).url == address


def test_a_member_who_opens_a_link_is_told_that_it_is_not_for_her(as_, ann, invite):
    page = as_(ann).get(page_of(invite()))

    assert "You are in this project already" in page.content.decode()
    assert "Join as" not in page.content.decode()


@pytest.mark.parametrize(("what", "status"), [("unknown", 404), ("expired", 410), ("revoked", 410), ("used", 410)])
def test_a_link_that_is_over_tells_no_secrets(what, status, client, project, lena, carl, invite):
    secret = "unknown" if what == "unknown" else invite()
    row = Invitation.objects.filter(digest=invitations.digest(secret))
    if what == "expired":
        row.update(expires_at=timezone.now())
    if what == "revoked":
        row.update(revoked_at=timezone.now())
    if what == "used":
        invitations.accept(secret=secret, user=carl)

    for answer in (client.get(page_of(secret)), client.post(page_of(secret), {"username": "zoe"})):
        html = answer.content.decode()
        assert answer.status_code == status
        assert "This link does not work" in html
        assert not re.search("Animals|lena|carl", html)


# ---------------------------------------------------------------- the members page


def test_a_lead_makes_a_link_that_is_shown_once_and_listed(as_, lena, project):
    client = as_(lena)
    page = client.post(
        url("members", project), {"do": "invite", "role": "reviewer", "note": "Zoe", "expires_in_days": 3}
    )

    link = page.context["link"]
    secret = link.rstrip("/").rpartition("/")[2]
    assert f">{link}<" in page.content.decode()
    assert invitations.find(secret).role == "reviewer"
    # Neither the next page nor the session has it.
    html = client.get(url("members", project)).content.decode()
    assert secret not in html and "Zoe" in html
    assert secret not in str(dict(client.session))


def test_the_list_says_what_became_of_each(as_, lena, project, invite, carl):
    invitations.accept(secret=invite(note="first"), user=carl)
    invite(note="second")
    Invitation.objects.filter(note="second").update(expires_at=timezone.now())
    invite(note="third")

    page = as_(lena).get(url("members", project))

    assert [(row["invitation"].note, row["words"]) for row in page.context["waiting"]] == [("third", "open")]
    assert [(row["invitation"].note, row["words"]) for row in page.context["over"]] == [
        ("second", "expired"),
        ("first", "accepted by carl"),
    ]
    third = Invitation.objects.get(note="third")
    after = as_(lena).post(reverse("revoke_invitation", args=[project.pk, third.pk]), follow=True)
    assert said(after) == ["The invitation is taken back: its link no longer works."]
    assert not after.context["waiting"]


def test_an_invitation_of_another_project_is_not_revoked_from_here(as_, lena, carl, project):
    other = make_project(lead=carl)
    invitation, _ = invitations.create(project=other, by=carl)

    assert as_(lena).post(reverse("revoke_invitation", args=[project.pk, invitation.pk])).status_code == 404


def test_members_cost_as_many_queries_for_twenty_invitations_as_for_one(
    as_, lena, project, invite, django_assert_max_num_queries
):
    for number in range(20):
        invitations.accept(secret=invite(), user=make_user(f"guest {number}"))
        invite()

    client = as_(lena)

    with django_assert_max_num_queries(10):
        client.get(url("members", project))


# ---------------------------------------------------------------- REST


def test_a_program_makes_lists_and_revokes_invitations(project, lena, carl):
    client = as_person(lena)
    address = f"/api/projects/{project.pk}/invitations/"
    made = client.post(address, {"role": "reviewer", "note": "Carl"})
    assert made.status_code == 201
    assert made.json()["url"].endswith(f"/invitations/{made.json()['secret']}/")

    (listed,) = client.get(address).json()["results"]
    assert "secret" not in listed and "url" not in listed
    assert (listed["role"], listed["note"], listed["state"], listed["invited_by"]) == (
        "reviewer",
        "Carl",
        "open",
        "lena",
    )

    assert client.delete(f"{address}{listed['id']}/").status_code == 204
    assert client.delete(f"{address}{listed['id']}/").status_code == 204  # a second time changes nothing
    assert client.get(address).json()["results"][0]["state"] == "revoked"
    with pytest.raises(Gone):
        invitations.accept(secret=made.json()["secret"], user=carl)


@pytest.mark.parametrize(
    "body", [{"role": "king"}, {"expires_in_days": 0}, {"expires_in_days": 91}, {"note": "x" * 101}]
)
def test_an_invitation_that_cannot_be_is_refused(project, lena, body):
    answer = as_person(lena).post(f"/api/projects/{project.pk}/invitations/", body)

    assert (answer.status_code, error_of(answer)) == (400, "invalid")
    assert not Invitation.objects.exists()


def test_an_accepted_one_is_a_conflict(project, lena, carl, invite):
    join(make_project(), carl)
    invitations.accept(secret=invite(), user=carl)

    answer = as_person(lena).delete(f"/api/projects/{project.pk}/invitations/{Invitation.objects.get().pk}/")

    assert (answer.status_code, error_of(answer)) == (409, "conflict")
