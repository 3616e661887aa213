"""Large images in a browser: what is looked at closely comes as tiles, and the whole file never."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image as Pixels

from labeler.intake import pyramid
from labeler.intake.check import decode_image
from labeler.intake.store import MediaStore
from tests.helpers.drawing import ORIGIN, open_board
from tests.helpers.factories import add_images, make_project
from tests.helpers.inline_worker import InlineWorker

WIDTH, HEIGHT = 9000, 1000


def panorama() -> bytes:
    """Each pixel of the right half says its column by light and dark; the preview is grey there."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    pixels[:, :, 2] = 120
    pixels[:, WIDTH // 2 :: 2, :2] = 255
    out = io.BytesIO()
    Pixels.fromarray(pixels).save(out, "JPEG", quality=95, subsampling=0)
    return out.getvalue()


def cut(content: bytes) -> dict[str, bytes]:
    """Its tiles, by the end of their address."""
    image = decode_image(content, full_size=True)
    levels = pyramid.levels_of(image.checked.width, image.checked.height)
    places = [
        f"{one.level}/{n % one.columns}/{n // one.columns}/" for one in levels for n in range(one.columns * one.rows)
    ]
    return dict(zip(places, pyramid.tiles(image, levels), strict=True))


@pytest.fixture
def served(page) -> tuple[list[str], Callable[[], None]]:
    """What the board's page asks for below /api/, answered as the server does; the second call is of its `tiles/`."""
    asked: list[str] = []
    made = cut(panorama())
    levels = [
        {name: getattr(one, name) for name in ("level", "width", "height", "columns", "rows", "scale")}
        for one in pyramid.levels_of(WIDTH, HEIGHT)
    ]

    def answer(route) -> None:
        name = route.request.url.partition("/images/1/tiles/")[2]
        asked.append(route.request.url.removeprefix(ORIGIN))
        if name:
            route.fulfill(body=made[name], content_type="image/jpeg")
        else:
            ready = len(asked) > 1
            route.fulfill(json={"tile": 512, "levels": levels, "ready": ready}, status=200 if ready else 202)

    def begin() -> None:
        open_board(page, width=800, height=600)  # its routes first: ours are asked before them
        page.route(f"{ORIGIN}/api/**", answer)
        page.evaluate(
            """async ([width, height]) => {
                const canvas = new OffscreenCanvas(1600, 178);
                canvas.getContext("2d").fillRect(0, 0, 1600, 178);
                const img = new Image();
                img.src = URL.createObjectURL(await canvas.convertToBlob());
                await img.decode();
                board.show({ id: 1, width, height, img, file_url: "/api/images/1/file/" }, []);
            }""",
            [WIDTH, HEIGHT],
        )

    return asked, begin


def test_at_1600_percent_of_9000_px_only_tiles_come_and_each_pixel_is_where_it_belongs(page, served):
    asked, begin = served
    begin()
    page.wait_for_timeout(100)
    assert asked == [], "nothing before somebody looks closer"

    page.evaluate("board.place = { scale: 16, x: -16 * 8000, y: -16 * 500 }")
    page.wait_for_selector(".frame[data-sharp]")
    assert page.evaluate("board.place.scale") == 16
    assert asked[:2] == ["/api/images/1/tiles/"] * 2, "once more while a worker makes them"
    # 80 x 50 px from 8000, 500 lie in two tiles of row 0 and 1 and of one column, 15.
    assert sorted(asked[2:]) == ["/api/images/1/tiles/0/15/0/", "/api/images/1/tiles/0/15/1/"]
    # Columns 8000, 8001, 8002 … are light, dark, light; a column is 16 px wide, and its edge is sharp.
    reds = page.evaluate(
        """() => {
            const canvas = document.querySelector("canvas.tiles");
            return Array.from(canvas.getContext("2d").getImageData(0, 8, 64, 1).data).filter((_, n) => n % 4 === 0);
        }"""
    )
    assert [red > 128 for red in reds] == [True] * 16 + [False] * 16 + [True] * 16 + [False] * 16


def test_requests_of_tiles_out_of_sight_are_ended_and_few_tiles_are_kept(page, served):
    asked, begin = served
    begin()
    ended = []
    page.on("requestfailed", lambda request: ended.append(request.url.removeprefix(ORIGIN)))
    page.evaluate("board.place = { scale: 1, x: 0, y: 0 }")
    page.wait_for_selector(".frame[data-sharp]")
    before = len(asked)
    page.evaluate(
        """async () => {
            board.place = { scale: 1, x: -4000, y: 0 };
            await new Promise((done) => requestAnimationFrame(done));
            board.place = { scale: 1, x: -7700, y: 0 };
        }"""
    )
    page.wait_for_selector(".frame[data-sharp]")
    passed = {f"/api/images/1/tiles/0/{column}/{row}/" for column in range(8, 11) for row in (0, 1)}
    assert len(passed & set(asked[before:])) <= 4, "no more than are asked for at once"
    assert ended and set(ended) <= passed
    for x in range(0, 9000, 1000):
        page.evaluate("x => (board.place = { scale: 0.99, x: -x, y: 0 })", x)
        page.wait_for_selector(".frame[data-sharp]")
    assert page.evaluate("board.picture.tiles.kept.size") <= 64
    page.evaluate("board.show({...picture, id: 2}, [])")
    assert page.locator("canvas.tiles").count() == 0


@pytest.mark.django_db(transaction=True)
def test_the_labeling_screen_looks_closely_at_a_large_image_by_tiles(page, live_server, settings, sign_in, ann):
    content = panorama()
    sha256 = hashlib.sha256(content).hexdigest()
    small = io.BytesIO()
    Pixels.open(io.BytesIO(content)).resize((1600, 178)).save(small, "JPEG")
    with MediaStore(settings.MEDIA_DIR).batch() as batch:
        shown = small.getvalue()
        batch.add(sha256=sha256, extension="jpg", original=content, preview=shown, thumbnail=shown)
        batch.keep()
    project = make_project(ann)
    image = add_images(project, 1, hashes=[sha256], width=WIDTH, height=HEIGHT)[0]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(live_server.url)))
    sign_in(page, ann)
    with InlineWorker() as worker:
        page.goto(f"{live_server.url}/projects/{project.pk}/label/")
        page.wait_for_selector("#frame .sheet img")
        page.mouse.dblclick(600, 330)
        page.wait_for_selector("#frame[data-sharp]")
    assert not worker.troubles
    of_image = [url for url in asked if f"/images/{image.pk}/" in url]
    assert f"/api/images/{image.pk}/preview/" in of_image
    assert any("/tiles/0/" in url for url in of_image)
    assert not any("/file/" in url for url in of_image)
