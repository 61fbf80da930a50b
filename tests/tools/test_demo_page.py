"""The live demo in a real browser, opened from a file: its numbers are those of Keras.

Needs Chromium or Chrome (`apt-get install chromium`), the packages of requirements-site.txt, and
npm once; without them these tests are skipped. Where the networks have not been exported yet,
that takes another minute.
"""

import functools
import io
import json
import re

import numpy as np
import pytest
from browsing import HEIGHT, NEEDED, Watched, browser_fixture, serious  # noqa: F401
from PIL import Image

from shared import runtime, weights, zoom
from shared.data import photos
from shared.images import degrade, resize
from shared.models import flow
from shared.tools.site import demo

pytestmark = pytest.mark.slow
pytest.importorskip("tf2onnx", reason=NEEDED)

WIDTHS = (400, 1100, 1920)
PARTS = ("draw", "game", "photo")
PATIENCE = 600_000  # milliseconds that a computation may take on a busy machine


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The page, in a folder with a space in its name."""
    try:
        return demo.build(tmp_path_factory.mktemp("a stick"))
    except (FileNotFoundError, RuntimeError) as error:
        pytest.skip(f"the demo cannot be built: {error}")


@pytest.fixture
def watched(browser, file):
    """A page of its own, in which no fault may have been found when the test ends."""
    watched = Watched(browser, file.as_uri(), PATIENCE)
    watched.open = functools.partial(watched.go, file)
    yield watched
    watched.end()


def complete(page):
    page.wait_for_selector("body[data-state=complete]")


def array(page, expression):
    """The value of an expression of JavaScript, an array or several, as float32."""
    text = page.evaluate(f"JSON.stringify({expression}, (key, value) => value instanceof "
                         "Float32Array ? Array.from(value) : value)")
    return np.array(json.loads(text), "float32")


def draw_lines(page, *lines):
    """Draw lines of points, each from 0 to 1 across the pad, with the mouse."""
    pad = page.locator("#pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    for line in lines:
        for i, (x, y) in enumerate(line):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
            if i == 0:
                page.mouse.down()
        page.mouse.up()


FOUR = ([(0.35, 0.2), (0.3, 0.5), (0.65, 0.5)], [(0.62, 0.2), (0.6, 0.85)])


def close(found, expected, tolerance=1e-3):
    np.testing.assert_allclose(found, expected, atol=tolerance, rtol=0)


def test_a_drawing_is_enlarged_and_read_as_by_keras(watched):
    page = watched.open()
    complete(page)
    page.click("#clear")
    draw_lines(page, *FOUR)
    complete(page)
    chain = "draw.chain"
    image = array(page, f"{chain}.truth.image").reshape(1, 28, 28, 1)
    low_res = degrade.block_mean(image)
    assert image.max() == 1 and 40 < image.sum() < 150
    close(array(page, f"{chain}.lowRes.image"), low_res.ravel(), 1e-6)
    close(array(page, f"{chain}.bicubic.image"), resize.upscale(low_res, 4).ravel(), 1e-5)

    answer = flow.projected_answer(weights.load("baseline"), low_res)
    close(array(page, f"{chain}.answer.image"), answer.ravel())

    count = demo.SAMPLES
    noise = array(page, f"{chain}.samples.map((_, i) => normalNumbers(784, 1000 + i))")
    noise = noise.reshape(count, 28, 28, 1)
    noise -= flow.repeat_pixels(degrade.block_mean(noise))
    many = np.repeat(low_res, count, axis=0)
    scale = flow.SIGMA * flow.repeat_pixels(flow.detail_scale(many))
    start = flow.repeat_pixels(many) + scale * noise
    network, given = weights.load("samples"), {"low_res": many, "guess": answer.repeat(count, 0)}

    def velocity(x, t):
        return network.predict_on_batch({"x_t": x, "t": np.full((count, 1), t, "float32"), **given})

    samples = degrade.project(flow.midpoint(velocity, start, demo.STEPS), many)
    close(array(page, f"{chain}.samples.map(sample => sample.image)"), samples.reshape(count, 784))
    close(array(page, f"{chain}.mean.image"), samples.mean(axis=0).ravel())
    close(array(page, f"{chain}.spread.image"), samples.std(axis=0, ddof=1).ravel())
    assert samples.std(axis=0).max() > 0.1  # they differ

    pictures = {"truth": image, "bicubic": resize.upscale(low_res, 4), "answer": answer,
                "samples[3]": samples[3:4]}
    for letter in "ab":
        classifier = weights.load(f"classifier_{letter}")
        for name, picture in pictures.items():
            close(array(page, f"{chain}.{name}.reading.{letter}"),
                  demo.softmax(runtime.predict(classifier, picture))[0])


def test_a_drawing_is_centred_as_in_mnist(watched):
    page = watched.open()
    page.click("#clear")
    draw_lines(page, [(0.1, 0.1), (0.1, 0.4)], [(0.1, 0.4), (0.3, 0.4)])  # small, in a corner
    image = array(page, "draw.chain.truth.image").reshape(28, 28)
    inked = np.argwhere(image > 0.5)
    assert abs(np.ptp(inked, axis=0).max() + 1 - 20) <= 1
    mass = (image[..., None] * (np.indices((28, 28)).transpose(1, 2, 0) + 0.5)).sum((0, 1))
    close(mass / image.sum(), [14, 14], 0.15)
    before = image
    page.click("[aria-label=Right]")
    after = array(page, "draw.chain.truth.image").reshape(28, 28)
    np.testing.assert_array_equal(after[:, 1:], before[:, :-1])


def test_a_link_holds_the_drawing(watched):
    page = watched.open()
    page.click("#clear")
    draw_lines(page, *FOUR)
    page.click("#eraser")
    draw_lines(page, [(0.3, 0.8), (0.9, 0.8)])
    page.click("[aria-label=Up]")
    image, link = array(page, "draw.chain.truth.image"), page.evaluate("location.hash")
    assert len(link) < 300
    page = watched.open(link)
    np.testing.assert_array_equal(array(page, "draw.chain.truth.image"), image)
    page = watched.open("#draw?digit=13&right=-2")
    known = demo.digits()["digits"][13]
    pixels = np.frombuffer(demo.base64.b64decode(known["pixels"]), "uint8").reshape(28, 28) / 255
    shown = array(page, "draw.chain.truth.image").reshape(28, 28)
    close(shown[:, :-2], pixels[:, 2:], 1e-6)
    for broken in ("#draw?ink=%%%", "#draw?digit=99&ink=_", "#nothing?x"):
        watched.open(broken).wait_for_selector("#draw:not([hidden])")


def test_the_example_four_comes_back_as_a_nine(watched):
    page = watched.open()
    complete(page)
    assert "The 4 comes back as a 9" in page.inner_text("#verdict")


def test_keys_draw_erase_and_move(watched):
    page = watched.open()
    page.focus("#pad")
    page.keyboard.press("Delete")
    assert "empty" in page.inner_text("#verdict")
    page.keyboard.press("Space")
    for key in ["ArrowDown"] * 15 + ["Shift+ArrowLeft"] * 2:
        page.keyboard.press(key)
    page.keyboard.press("Space")
    for _ in range(5):
        page.keyboard.press("ArrowRight")  # the pen is up: nothing is drawn
    assert page.evaluate("draw.drawing.strokes.length") == 1
    points = page.evaluate("draw.drawing.strokes[0].points")
    assert points[0] == [128, 64] and points[-1] == [122, 214]
    complete(page)
    page.keyboard.press("Backspace")
    assert page.evaluate("draw.drawing.strokes.length") == 0


def test_the_game_asks_tells_and_keeps_score(watched):
    page = watched.open("#game?game=5")
    first = page.evaluate("game.label")
    assert page.is_hidden("#game-answer")
    question = page.get_attribute("#question", "aria-label")
    page.keyboard.press(str(first))
    page.keyboard.press(str((first + 1) % 10))
    page.keyboard.press(str(first))
    page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    page.wait_for_selector('#outcome:has-text("It was")')
    assert re.match(rf"It was an? {first}\. 1 of 2 votes", page.inner_text("#outcome"))
    assert "Your votes\t1 of 2\t50%" in page.inner_text("#score")
    assert page.is_visible("#game-answer")
    reading = array(page, "game.chain.truth.reading.a")
    assert page.evaluate("game.scores.network[1]") == 1 and abs(reading.sum() - 1) < 1e-4
    page.keyboard.press("Enter")
    assert page.is_hidden("#game-answer") and "Digit 2 of" in page.inner_text("#round")
    again = watched.open("#game?game=5")
    assert again.get_attribute("#question", "aria-label") == question


def picture_file(pixels, kind, **options):
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, kind, **options)
    mime = f"image/{kind.lower()}"
    return {"name": f"test.{kind.lower()}", "mimeType": mime, "buffer": data.getvalue()}


def enhanced(page, extent, across="0"):
    """Enhance a part of the size ``extent``, save the result, and return (region, pixels)."""
    page.select_option("#extent", extent)
    page.locator("#across").evaluate(
        "(slider, at) => { slider.value = at; slider.dispatchEvent(new Event('input')); }", across)
    page.click("#enhance")
    page.wait_for_selector("#enhance:not([hidden])")
    with page.expect_download() as download:
        page.click("#save")
    saved = np.asarray(Image.open(download.value.path()))
    region = page.evaluate("(({x, y, width, height}) => [x, y, width, height])(photo.result)")
    x, y, *_ = region
    assert download.value.suggested_filename == f"test_at_{x}_{y}_x2.png"
    return region, saved[..., :3]


def test_a_part_of_a_photo_is_enlarged_as_by_keras_and_equals_the_whole(watched):
    truth = photos.load_photos("validation")["dogs"][300:560, 150:404]
    page = watched.open("#photo")
    page.set_input_files("#file", [picture_file(truth, "PNG")])
    page.wait_for_selector("#chosen:not([hidden])")
    sizes = [page.evaluate(f"photo.source.{axis}.tiles.length") for axis in ("rows", "columns")]
    assert sizes == [2, 2]
    region, whole = enhanced(page, "2,2")
    assert region == [0, 0, 254, 260]
    difference = np.abs(whole.astype(int) - zoom.enhance(truth, "zoom"))
    assert difference.max() <= 1 and (difference > 0).mean() < 0.02  # float16

    (x, y, width, height), part = enhanced(page, "1,1", across="1")
    assert x > 0
    np.testing.assert_array_equal(part, whole[2 * y:2 * (y + height), 2 * x:2 * (x + width)])
    plain = page.evaluate(
        "Array.from(byId('plain').getContext('2d').getImageData(0, 0, 40, 40).data)")
    expected = zoom.enhance(truth, "bicubic")[2 * y:2 * y + 40, 2 * x:2 * x + 40]
    plain = np.array(plain).reshape(40, 40, 4)[..., :3]
    assert np.abs(plain - expected.astype(int)).max() <= 1


def test_tiles_are_those_of_the_package(watched):
    page = watched.open("#photo")
    from shared.images import tiles

    for size, side, margin in ((300, 192, 18), (1200, 192, 18), (750, 208, 34), (100, 192, 18),
                               (4000, 208, 34), (193, 192, 18)):
        length, expected = tiles.grid(size, side, margin)
        found = page.evaluate(f"grid({size}, {side}, {margin})")
        assert found["length"] == length
        assert [(t["start"], t["first"], t["end"]) for t in found["tiles"]] == expected


def test_the_slider_and_the_lens_show_what_they_say(watched):
    page = watched.open("#photo")
    page.click("#shelf button >> nth=1")
    page.wait_for_selector("#chosen:not([hidden])")
    assert "dogs.webp has 774 x 1162 pixels" in page.inner_text("#photo-status")
    page.select_option("#extent", "1,1")
    page.click("#enhance")
    page.wait_for_selector("#enhanced:not([hidden])")
    page.locator("#slider").fill("25")
    clip = page.evaluate("getComputedStyle(byId('sharp')).clipPath")
    assert clip == "inset(0px 0px 0px 25%)"
    page.locator("#lens-x").fill("20")
    page.locator("#lens-y").fill("30")
    lens, result = (page.evaluate(
        f"Array.from(byId('{name}').getContext('2d').getImageData({area}).data)")
        for name, area in (("lens-sharp", "2, 2, 1, 1"), ("sharp", "20, 30, 1, 1")))
    assert lens == result


def test_a_cancelled_photo_shows_nothing(watched):
    page = watched.open("#photo")
    page.click("#shelf button >> nth=0")
    page.wait_for_selector("#chosen:not([hidden])")
    page.click("#enhance")
    page.wait_for_selector("#cancel:not([hidden])")
    page.click("#cancel")
    assert page.inner_text("#photo-status") == "Cancelled."
    assert page.is_visible("#enhance") and page.is_hidden("#progress")
    page.wait_for_timeout(500)
    assert page.is_hidden("#enhanced")


def test_a_photo_is_turned_as_its_camera_says(watched):
    turned = np.zeros((400, 500, 3), "uint8")
    turned[:200, :250] = 255, 0, 0
    turned[200:, 250:] = 0, 0, 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees clockwise
    file = picture_file(turned, "JPEG", exif=exif, quality=95, subsampling=0)
    page = watched.open("#photo")
    page.set_input_files("#file", [file])
    page.wait_for_selector("#chosen:not([hidden])")
    assert "400 x 500 pixels" in page.inner_text("#photo-status")
    upright = np.rot90(turned, -1)
    pixels = page.evaluate(
        "photo.pixelsOf(photo.source, 330, 50, 60, 400).then(({data}) => Array.from(data))")
    part = np.array(pixels).reshape(400, 60, 4)[..., :3]
    assert np.abs(part - upright[50:450, 330:390].astype(int)).mean() < 2


def test_a_large_photo_and_a_file_that_is_none(watched):
    page = watched.open("#photo")
    page.set_input_files("#file", [{"name": "a.txt", "mimeType": "text/plain", "buffer": b"text"}])
    page.wait_for_selector('#photo-status:has-text("is not a photo")')
    large = np.zeros((4000, 6000, 3), "uint8")
    large[2000:, :, 1] = 200
    page.set_input_files("#file", [picture_file(large, "JPEG")])
    page.wait_for_selector("#chosen:not([hidden])")
    assert "6000 x 4000 pixels" in page.inner_text("#photo-status")
    assert page.evaluate("byId('preview').width") == 1000
    assert "whole photo" not in page.inner_text("#extent")


def test_it_works_from_a_server(browser, file):
    from threading import Thread

    from shared.tools.site.demo.__main__ import server

    with server(file.parent) as serving:
        Thread(target=serving.serve_forever, daemon=True).start()
        page = browser.new_page()
        faults, requests = [], []
        page.on("console", lambda message: faults.append(message.text))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(f"http://127.0.0.1:{serving.server_port}/index.html")
        page.wait_for_selector("body[data-state=complete]", timeout=PATIENCE)
        page.close()
        serving.shutdown()
    assert faults == []
    assert sum(not re.match("data:|blob:", url) for url in requests) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows_and_axe_finds_nothing_serious(watched, scheme):
    watched.page.emulate_media(color_scheme=scheme)
    page = watched.open("#draw?digit=14")
    complete(page)
    page.click("#probabilities summary")
    for part in PARTS:
        page.evaluate(f"location.hash = '{part}'")
        page.wait_for_selector(f"#{part}:not([hidden])")
        if part == "game":
            page.keyboard.press("Enter")
            page.wait_for_selector('#outcome:has-text("It was")')
        if part == "photo":
            page.evaluate("byId('chosen').hidden = byId('enhanced').hidden = false")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{part} is {wide} pixels wide in {width}"
        page.set_viewport_size({"width": 1100, "height": HEIGHT})
        assert serious(page) == []
