"""The page about a file of Pascal VOC asks which number the first pixel has, and shows a corner in both readings."""

from __future__ import annotations

import base64
import io
import re

import pytest
from django.urls import reverse
from PIL import Image as Picture

from labeler.models import Job
from tests.helpers.factories import make_project
from tests.helpers.importing import VOC_ONE, bring_in, pictures, zipped

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "incoming"


@pytest.mark.parametrize("has_picture", [True, False])
def test_the_origin_is_asked_with_a_corner_of_the_first_box(lena, as_, tmp_path, has_picture):
    project = make_project(lead=lena, task="boxes", categories=("king",))
    images = pictures("JPEGImages/a.jpg") if has_picture else {}
    path = zipped(tmp_path / "voc.zip", {"Annotations/a.xml": VOC_ONE.format(5), **images})
    looked = bring_in(project, lena, path, ask=True)
    url = reverse("import_preview", args=(project.pk, looked["job"]))

    page = as_(lena).get(url).content.decode()

    assert "Pascal VOC’s XML" in page and "Which number has the first pixel in this file?" in page
    assert re.search(r"Drawn objects</th>\s*<td class=\"r\">1</td>", page)
    shown = re.findall(r"data:image/png;base64,([^\"]+)", page)
    assert len(shown) == (2 if has_picture else 0)
    if has_picture:
        one, zero = (Picture.open(io.BytesIO(base64.b64decode(text))) for text in shown)
        # The first pixel of the box, 5, lies at 4 counted from 1: the line is ten pixels of the enlarged corner before.
        edge = next(x for x in range(240) if zero.getpixel((x, 150)) == (230, 0, 120))
        assert one.getpixel((edge - 10, 150)) == (230, 0, 120)
        assert one.getpixel((edge - 11, 150)) != (230, 0, 120)
    answer = as_(lena).post(url, {"labels_as": "source", "source": "voc", "origin": "0"})
    assert answer.status_code == 302
    assert Job.objects.latest("pk").params["origin"] == 0
