"""The list of projects: what waits on each card, finding one among many, and the way back from the trash."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from labeler.models import Project, Thread
from labeler.models.image import Status
from labeler.projects import projects
from tests.helpers.factories import add_images, join, make_project, make_user
from tests.helpers.pages import said, url

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


def words(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.content.decode()))


def names(response) -> list[str]:
    return [card["project"].name for card in response.context["cards"]]


def test_a_card_says_what_waits_and_leads_straight_to_it(as_, rev, ann, lena, project):
    add_images(project, 3)
    add_images(project, 2, status=Status.DISPUTED)
    image = add_images(project, 1, status=Status.SETTLED)[0]
    Thread.objects.create(project=project, image=image, raised_by=ann, changed_at=timezone.now())

    reviewer = as_(rev).get("/")
    assert "3 to label" in words(reviewer)
    assert "2 disputed" in words(reviewer) and "1 question" in words(reviewer)
    assert f'href="{url("label", project)}"' in reviewer.content.decode()
    # What others split on or ask is not for annotators.
    annotator = as_(ann).get("/")
    assert "3 to label" in words(annotator)
    assert "disputed" not in words(annotator) and "question" not in words(annotator)


def test_a_lead_of_an_empty_project_is_led_to_its_import(as_, lena, ann, project):
    assert f'href="{url("import", project)}"' in as_(lena).get("/").content.decode()
    assert f'href="{url("import", project)}"' not in as_(ann).get("/").content.decode()


def test_many_projects_are_searched_and_ordered(as_, lena):
    for name in ("Zebra", "apple", "Mango", *(f"Field {n}" for n in range(8))):
        make_project(lead=lena, name=name, question="Which fruit?" if name == "Mango" else "")
    client = as_(lena)

    assert names(client.get("/"))[-1] == "Zebra"
    assert names(client.get("/?order=oldest"))[0] == "Zebra"
    assert names(client.get("/?order=name"))[0] == "apple"
    assert names(client.get("/?q=FRUIT")) == ["Mango"]
    assert "1 of 11 projects" in words(client.get("/?q=FRUIT"))
    assert "No project fits" in words(client.get("/?q=nothing"))
    assert client.get("/?q=%00%27&order=drop+table&page=-1").status_code == 200


def test_few_projects_need_no_search(as_, lena, project):
    assert 'role="search"' not in as_(lena).get("/").content.decode()


def test_very_many_come_in_pages_and_cost_no_more(as_, ada, django_assert_max_num_queries):
    for _ in range(60):
        make_project()
    client = as_(ada)

    with django_assert_max_num_queries(12):
        first = client.get("/")
    assert len(names(first)) == 48 and "page 1 of 2" in words(first)
    second = client.get("/?page=2")
    assert len(names(second)) == 12
    assert not set(names(first)) & set(names(second))


# ---------------------------------------------------------------- trash


def test_a_project_comes_back_from_the_trash_by_a_button(as_, lena, ada, project):
    projects.trash(project=project, by=lena)
    assert "1 project in the trash" in words(as_(lena).get("/"))
    assert "1 project in the trash" in words(as_(ada).get("/"))

    answer = as_(ada).post(url("restore_project", project), follow=True)

    assert said(answer) == ["“Animals” is back, with everything in it."]
    assert Project.objects.get(pk=project.pk).trashed_at is None
    assert "in the trash" not in words(as_(ada).get("/"))


@pytest.mark.parametrize("name", ["ann", "rev", "carl"])
def test_the_trash_is_for_leads_and_admins(as_, lena, project, request, name):
    projects.trash(project=project, by=lena)
    client = as_(request.getfixturevalue(name))

    assert "in the trash" not in words(client.get("/"))
    assert client.post(url("restore_project", project)).status_code == 404
    assert Project.objects.get(pk=project.pk).trashed_at is not None


def test_after_thirty_days_it_is_too_late(as_, lena, project):
    projects.trash(project=project, by=lena)
    Project.objects.update(trashed_at=timezone.now() - timedelta(days=31))
    client = as_(lena)

    assert "in the trash" not in words(client.get("/"))
    assert "more than 30 days" in said(client.post(url("restore_project", project), follow=True))[0]


def test_a_project_that_is_in_use_is_not_restored(as_, lena, project):
    assert as_(lena).post(url("restore_project", project)).status_code == 404


# ---------------------------------------------------------------- nothing there yet

# What each page of an empty project says to do next, to whom it may be shown.
NEXT = {
    "project": {"ann": "come back when a lead has brought some in", "lena": "Import"},
    "agreement": {"ann": "Start labeling", "lena": "Invite people"},
    "images": {"rev": "A lead can import them.", "lena": "Import the first ones"},
    "model": {"rev": "Start labeling", "lena": "20 are needed"},
    "threads": {"ann": "sends a question about the image to the team"},
    "adjudicate": {"rev": "Images come here when those who judged them differ."},
    "review": {"rev": "Once some images are labeled a model learns from them."},
    "import": {"lena": "Drop a folder, images, a zip, or a file of another tool here"},
    "export": {"lena": "Bring in images first."},
    "members": {"lena": "Make a link"},
}


@pytest.mark.parametrize(("page", "name"), [(page, name) for page, who in NEXT.items() for name in who])
def test_a_page_of_an_empty_project_says_what_comes_next(as_, project, request, page, name):
    answer = as_(request.getfixturevalue(name)).get(url(page, project))

    assert answer.status_code == 200
    assert NEXT[page][name] in words(answer)


def test_somebody_without_a_project_is_told_her_name_and_whom_to_ask(as_, carl):
    assert "Ask a lead for an invitation link, or to add you: your user name is carl" in words(as_(carl).get("/"))


def test_an_admin_without_a_project_makes_one(as_, ada):
    html = as_(ada).get("/").content.decode()

    assert "Ask your first question" in html and 'href="/projects/new/"' in html


def test_an_admin_who_is_no_member_is_not_sent_to_label(as_, ada, project):
    add_images(project, 1)
    join(make_project(), make_user("otto"))

    assert url("label", project) not in as_(ada).get("/").content.decode()
