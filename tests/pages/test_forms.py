"""Forms that change things, the account, error pages and the admin site: all without a script."""

from __future__ import annotations

import io
import zipfile

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import reverse

from labeler.models import AuditEvent, Job, Token
from tests.helpers.factories import add_images, join, make_model, make_user, predict
from tests.helpers.pages import answer, photo, said, url

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


# ---------------------------------------------------------------- members


def test_people_come_in_by_name_change_role_and_leave(as_, lena, carl, project):
    as_(lena).post(url("members", project), {"username": "carl", "role": "annotator"})
    member = project.memberships.get(user=carl)
    as_(lena).post(url("member", project, member.pk), {"do": "change", "role": "reviewer"})
    member.refresh_from_db()
    assert member.role == "reviewer"

    as_(lena).post(url("member", project, member.pk), {"do": "remove"})
    assert not project.memberships.filter(user=carl).exists()


def test_an_unknown_name_is_refused_beside_the_field(as_, lena, project):
    response = as_(lena).post(url("members", project), {"username": "nobody", "role": "annotator"})

    assert "There is no account “nobody”." in response.content.decode()


def test_the_last_lead_stays(as_, lena, project):
    member = project.memberships.get(user=lena)

    response = as_(lena).post(url("member", project, member.pk), {"do": "remove"}, follow=True)

    assert "This is the last lead" in said(response)[0]
    assert project.memberships.filter(user=lena).exists()


def test_a_lead_who_leaves_ends_on_the_list_of_projects(as_, lena, rev, project):
    project.memberships.filter(user=rev).update(role="lead")

    response = as_(lena).post(url("member", project, project.memberships.get(user=lena).pk), {"do": "remove"})

    assert response.url == "/"


# ---------------------------------------------------------------- images in, without a script


def test_a_form_takes_images_in_and_names_what_it_refuses(as_, lena, project, settings, tmp_path):
    settings.MEDIA_DIR = tmp_path
    text = io.BytesIO(b"not an image at all")
    text.name = "notes.jpg"

    page = as_(lena).post(
        url("import", project), {"files": [photo("green"), photo("green"), photo("red"), text]}, follow=True
    )

    html = page.content.decode()
    assert project.images.count() == 2
    assert 'id="n-added">2<' in html
    assert 'id="n-duplicates">1<' in html
    assert "notes.jpg" in html


def test_a_form_hands_an_archive_to_a_worker(as_, lena, project, settings, tmp_path):
    settings.MEDIA_DIR = tmp_path
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.png", photo().getvalue())
    archive.seek(0)
    archive.name = "field.zip"

    page = as_(lena).post(url("import", project), {"files": [archive]}, follow=True)

    job = Job.objects.get(project=project)
    assert (job.params["name"], job.state, job.requested_by) == ("field.zip", "queued", lena)
    assert (tmp_path / job.params["path"]).stat().st_size > 0
    assert f'data-job="{job.pk}"' in page.content.decode()

    as_(lena).post(url("cancel_import", project, job.pk))
    job.refresh_from_db()
    assert job.state == "cancelled"


def test_no_file_is_said_so(as_, lena, project):
    assert said(as_(lena).post(url("import", project), follow=True)) == ["Choose at least one file first."]


# ---------------------------------------------------------------- account


def test_a_token_is_shown_once_and_revoked(as_, ann):
    client = as_(ann)
    page = client.post(
        "/account/",
        {"do": "token", "name": "laptop", "scopes": ["read"], "expires_in_days": "30"},
        follow=True,
    )

    secret = page.context["secret"]
    assert secret
    assert secret in page.content.decode()
    assert secret not in client.get("/account/").content.decode()

    token = Token.objects.get(user=ann)
    client.post(reverse("revoke_token", args=[token.pk]))
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_nobody_revokes_the_token_of_another(as_, ann, bea):
    as_(ann).post("/account/", {"do": "token", "name": "laptop", "scopes": ["read"]})
    token = Token.objects.get(user=ann)

    assert as_(bea).post(reverse("revoke_token", args=[token.pk])).status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None


def test_a_password_is_changed_and_written_down(as_, ann):
    ann.set_password("an old one 1")
    ann.save()
    form = {
        "do": "password",
        "old_password": "an old one 1",
        "new_password1": "a new one 22",
        "new_password2": "a new one 22",
    }

    response = as_(ann).post("/account/", form, follow=True)

    ann.refresh_from_db()
    assert ann.check_password("a new one 22")
    assert response.context["user"] == ann  # still logged in
    assert AuditEvent.objects.filter(action="password.change", actor=ann).exists()


def test_logging_in_and_out(client, ann):
    ann.set_password("an old one 1")
    ann.save()

    wrong = client.post("/login/", {"username": "ann", "password": "no"})
    assert "The user name or the password is wrong." in wrong.content.decode()
    there = client.post("/login/", {"username": "ann", "password": "an old one 1", "next": "/account/"})
    assert there.url == "/account/"
    elsewhere = client.post("/login/?next=https://evil.example/", {"username": "ann", "password": "an old one 1"})
    assert "evil" not in elsewhere.url

    assert client.get("/logout/").status_code == 405
    client.post("/logout/")
    assert client.get("/").status_code == 302


def test_guessing_a_password_is_slowed_down(client, ann):
    for _ in range(10):
        client.post("/login/", {"username": "ann", "password": "guess"})

    assert "Wait 5 minutes" in client.post("/login/", {"username": "ann", "password": "guess"}).content.decode()


# ---------------------------------------------------------------- errors and the admin site


def test_a_page_that_is_not_there_has_a_way_back(as_, ann):
    response = as_(ann).get("/nowhere/")

    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


def test_a_page_that_breaks_says_so_without_the_database(client, ann, project, monkeypatch):
    client.raise_request_exception = False
    client.force_login(ann)
    monkeypatch.setattr("labeler.progress.overview.figures", lambda project: 1 / 0)

    response = client.get(url("project", project))

    assert response.status_code == 500
    assert "Something broke on our side" in response.content.decode()


def test_the_admin_site_has_all_our_tables_and_opens_them(as_, ada, ann, bea, project):
    (image,) = add_images(project, 1)
    answer(project, ann, image, "cat")
    predict(make_model(project), image, "cat")
    models = list(apps.get_app_config("labeler").get_models())

    for model in models:
        assert model in admin.site._registry, model
        listed = reverse(f"admin:labeler_{model._meta.model_name}_changelist")
        assert as_(ada).get(listed + "?q=1").status_code == 200
        row = model.objects.first()
        if row is not None:
            shown = reverse(f"admin:labeler_{model._meta.model_name}_change", args=[row.pk])
            assert as_(ada).get(shown).status_code == 200, model


@pytest.mark.parametrize(
    "name", ["label", "decision", "claim", "prediction", "auditevent", "consensus", "image", "queueentry"]
)
def test_history_can_only_be_read_in_the_admin_site(name, as_, ada, ann, project):
    (image,) = add_images(project, 1)
    answer(project, ann, image, "cat")

    assert as_(ada).get(reverse(f"admin:labeler_{name}_add")).status_code == 403
    row = apps.get_model("labeler", name).objects.first()
    if row is not None:
        assert as_(ada).post(reverse(f"admin:labeler_{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403


def test_a_lead_is_no_admin(as_, lena, project):
    assert as_(lena).get("/admin/labeler/label/").status_code == 302


def test_a_member_from_long_ago_keeps_her_line_in_the_overview(as_, lena, ann, bea, project):
    for image in add_images(project, 3):
        answer(project, ann, image, "cat")
    project.memberships.filter(user=ann).delete()

    names = [row["name"] for row in as_(lena).get(url("project", project)).context["people"]]

    assert names[0] == "ann"


def test_large_numbers_have_separators(as_, rev, project, monkeypatch):
    join(project, make_user("zoe"))
    report = {
        "images": {"total": 1_234_567, "unlabeled": 1_200_000, "partly labeled": 0, "disputed": 0, "settled": 34_567},
        "accepted": 0,
        "labels": {"total": 98_765, "wanted": 2_469_134, "left": 2_370_369},
        "by_day": [], "by_annotator": [], "pace": {"labels_per_day": 1234.5, "days": 14},
        "wanted": {"images": None, "settled": 34_567, "categories": []},
    }  # fmt: skip
    monkeypatch.setattr("labeler.progress.counts.count_progress", lambda project: report)

    html = as_(rev).get(url("project", project)).content.decode()

    assert "1,234,567 images" in html
    assert "98,765 of 2,469,134 labels" in html
    assert "work of 3 days is needed for a forecast" in html
