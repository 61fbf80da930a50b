"""Zoom: whole and in tiles alike; the command, its files, and what can go wrong with them."""

import errno
import gc
import os
import sys
import weakref

import keras
import numpy as np
import pytest
from PIL import Image, ImageCms

from shared import paths, recipes, zoom
from shared.images import luma, resize
from shared.models import layers
from shared.models.zoom_network import PHOTO_NETWORKS


def photo(height, width, channels=3, seed=0):
    """Smooth colours with noise, uint8."""
    rng = np.random.default_rng(seed)
    small = rng.random((1, height // 8 + 2, width // 8 + 2, channels), "float32")
    smooth = 255 * resize.resize(small, (height, width))[0]
    return luma.rounded(smooth + rng.normal(0, 10, smooth.shape))


# --- enhance -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PHOTO_NETWORKS)
def test_the_result_in_tiles_is_that_of_the_whole_photo(
        name, random_photo_network, monkeypatch):
    """To the last bit but for a value that lies halfway between two grey levels.

    Convolutions of two shapes may add their products in another order, on some processors.
    The first comparison is of the numbers before they are rounded.
    """
    model, image, rounded = random_photo_network(name), photo(203, 170), luma.rounded
    monkeypatch.setattr(zoom.luma, "rounded", lambda values: values)
    whole = zoom.enhance(image, model, side=1000)
    seen = []
    run = zoom._compiled(model)
    monkeypatch.setattr(zoom, "_compiled", lambda _: lambda x: seen.append(x.shape) or run(x))
    tiled = zoom.enhance(image, model, side=64)
    assert len(seen) >= 4 and len(set(seen)) == 1
    assert np.abs(whole - resize.resize(image[None], (406, 340))[0]).max() > 2  # detail is added
    np.testing.assert_allclose(tiled, whole, atol=2e-3)  # of 255 levels
    differs = rounded(tiled) != rounded(whole)
    halfway = np.abs(whole - np.floor(whole) - 0.5) < 2e-3
    assert not (differs & ~halfway).any()


def test_with_too_small_a_margin_the_tiles_would_show(random_photo_network, monkeypatch):
    model, image = random_photo_network("srcnn"), photo(150, 140)
    monkeypatch.setattr(zoom, "_margin", lambda network: 2)
    assert (zoom.enhance(image, model, side=64) != zoom.enhance(image, model, side=1000)).any()


@pytest.mark.parametrize("name", ["unet", "ircnn"])
@pytest.mark.parametrize("scale", [2, 4])
def test_a_region_is_to_the_last_bit_a_crop_of_the_whole_result(
        name, scale, random_photo_network):
    model, image = random_photo_network(name), photo(151, 130)
    whole = zoom.enhance(image, model, scale, side=48)
    for x, y, width, height in ((0, 0, 130, 151), (129, 150, 1, 1), (40, 70, 33, 20)):
        part = zoom.enhance(image, model, scale, (x, y, width, height), side=48)
        np.testing.assert_array_equal(
            part, whole[scale * y:scale * (y + height), scale * x:scale * (x + width)])


def test_four_times_is_twice_applied_twice(random_photo_network):
    model, image = random_photo_network("zoom"), photo(20, 31)
    np.testing.assert_array_equal(zoom.enhance(image, model, 4),
                                  zoom.enhance(zoom.enhance(image, model), model))


def test_only_the_luma_is_the_networks(random_photo_network, monkeypatch):
    image = photo(20, 22)
    monkeypatch.setattr(zoom.luma, "rounded", lambda values: values)
    found = luma.to_ycbcr(zoom.enhance(image, random_photo_network("unet")))
    bicubic = luma.to_ycbcr(zoom.enhance(image, "bicubic"))
    np.testing.assert_allclose(found[..., 1:], bicubic[..., 1:], atol=1e-2)
    assert np.abs(found[..., 0] - bicubic[..., 0]).max() > 2


def test_bicubic_is_that_of_resize():
    image = photo(30, 41)
    wanted = resize.resize(image[None], (60, 82))[0]
    off = np.abs(zoom.enhance(image, "bicubic") - np.clip(wanted, 0, 255))
    assert off.max() < 0.51


def composed(image, background):
    """RGBA on a background of this share of white, in 8-bit levels, not rounded."""
    levels = image * (255 / np.iinfo(image.dtype).max)
    alpha = levels[..., 3:] / 255
    return levels[..., :3] * alpha + (1 - alpha) * 255 * background


@pytest.mark.parametrize("background", [0, 0.5, 1])
@pytest.mark.parametrize("scale", [2, 1.5])
def test_bicubic_on_a_background_is_bicubic_of_what_is_on_it(background, scale):
    """So it is where no value is clipped: here all colours are far from black and white."""
    image = photo(30, 42, channels=4) // 2 + 64
    size = round(30 * scale), round(42 * scale)
    wanted = resize.resize(resize.resize(composed(image, background)[None], (60, 84)), size)[0]
    found = composed(zoom.enhance(image, "bicubic", scale), background)
    assert np.abs(found - wanted).max() < 2  # colour, alpha, and again for the second step


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("scale", [1, 2, 4, 1.5, 3.3])
@pytest.mark.parametrize("name", ["bicubic", "zoom"])
def test_an_opaque_disc_on_hidden_black_has_no_fringe(name, scale, dtype):
    white = np.iinfo(dtype).max
    disc = np.zeros((64, 64, 4), dtype)
    disc[np.hypot(*(np.mgrid[:64, :64] - 31.5)) < 20] = white
    enlarged = zoom.enhance(disc, name, scale)
    assert composed(enlarged, 1).min() > 254
    assert enlarged[0, 0, 3] == 0 and enlarged[round(32 * scale), round(32 * scale), 3] == white


@pytest.mark.parametrize("name", ["bicubic", "unet"])
def test_opaque_parts_have_the_colours_of_the_opaque_photo(name, random_photo_network):
    model = name if name == "bicubic" else random_photo_network(name)
    image = photo(160, 150)
    wanted = zoom.enhance(image, model)
    opaque = np.dstack([image, np.full((160, 150), 255, "uint8")])
    np.testing.assert_array_equal(zoom.enhance(opaque, model)[..., :3], wanted)
    opaque[:, 130:] = 0
    reach = 2 * zoom._margin(zoom.load_network(model) if name == "bicubic" else model)
    inside = slice(None), slice(0, 260 - reach)
    assert reach < 200
    np.testing.assert_array_equal(zoom.enhance(opaque, model)[inside][..., :3], wanted[inside])


def test_what_the_network_adds_is_added_where_the_photo_is_half_transparent_too(
        random_photo_network):
    model, image = random_photo_network("unet"), photo(40, 50) // 2 + 64
    wanted = zoom.enhance(image, model).astype(int)
    half = zoom.enhance(np.dstack([image, np.full((40, 50), 128, "uint8")]), model)
    assert np.abs(wanted - zoom.enhance(image, "bicubic")).mean() > 2
    assert np.abs(half[..., :3] - wanted).max() <= 1 and (half[..., 3] == 128).all()


@pytest.mark.parametrize("scale", [1, 2, 4, 2.5])
def test_16_bits_stay_16_bits_and_agree_with_8(scale, random_photo_network):
    model, image = random_photo_network("zoom"), photo(20, 31)
    deep = zoom.enhance(image.astype("uint16") * 257, model, scale)
    off = np.abs(deep / 257 - zoom.enhance(image, model, scale))
    assert deep.dtype == np.uint16
    # 4 and 2.5 round to 8 bits twice or three times, and the network enlarges the differences
    assert off.max() <= {1: 0, 2: 0.51}.get(scale, 4) and off.mean() < 0.6
    assert scale == 1 or len(np.unique(deep)) > 1000


def test_a_gradient_of_16_bits_keeps_its_fine_levels():
    image = np.broadcast_to(np.arange(30_000, 30_064, dtype="uint16")[None, :, None], (8, 64, 3))
    enlarged = zoom.enhance(image, "bicubic")[4, 8:-8, 0].astype(int)
    assert set(np.diff(enlarged)) <= {0, 1} and np.ptp(enlarged) > 50


@pytest.mark.parametrize("scale, steps", [(1.3, 2), (1.999, 2), (2.001, 4), (3, 4)])
def test_a_scale_between_is_the_next_step_reduced_by_antialiased_bicubic(
        scale, steps, random_photo_network):
    model, image = random_photo_network("zoom"), photo(150, 301)  # more than one block
    enlarged = zoom.enhance(image, model, steps)
    size = round(150 * scale), round(301 * scale)
    wanted = np.clip(resize.resize(enlarged[None], size)[0], 0, 255)
    found = zoom.enhance(image, model, scale)
    assert found.shape == (*size, 3) and np.abs(found - wanted).max() < 0.51


def test_a_region_has_its_size_times_the_scale_and_real_neighbours():
    image, region = photo(60, 70), (10, 20, 30, 24)
    np.testing.assert_array_equal(zoom.enhance(image, "bicubic", 1, region),
                                  image[20:44, 10:40])
    whole = zoom.enhance(image, "bicubic", 1.5)
    np.testing.assert_array_equal(zoom.enhance(image, "bicubic", 1.5, region),
                                  whole[30:66, 15:60])
    for scale in (1.01, 1.77, 3.1, 3.99):
        assert zoom.enhance(image, "bicubic", scale, region).shape == (
            round(24 * scale), round(30 * scale), 3)
    assert zoom.enhance(image, "bicubic", 3.1, (69, 59, 1, 1)).shape == (3, 3, 3)


def test_grey_stays_grey_and_one_pixel_becomes_four(random_photo_network):
    grey = photo(12, 13, channels=1).repeat(3, axis=2)
    enlarged = zoom.enhance(grey, random_photo_network("unet"))
    assert np.ptp(enlarged.astype(int), axis=2).max() <= 1
    assert (zoom.enhance(np.full((1, 1, 3), 90, "uint8"), "bicubic") == 90).all()


def test_no_tile_is_larger_than_its_side_whatever_the_photo(monkeypatch):
    low_res = keras.Input((None, None, 1))
    model = keras.Model(low_res, layers.Bicubic()(low_res))
    sizes = []
    monkeypatch.setattr(zoom, "_compiled", lambda network: lambda x: (
        sizes.append(x.shape[1:3]), np.zeros((1, 2 * x.shape[1], 2 * x.shape[2], 1)))[1])
    zoom.enhance(np.zeros((700, 900, 3), "uint8"), model, side=128)
    assert len(sizes) > 30 and np.max(sizes) < 128 + 16


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="makes no graphs")
def test_a_network_becomes_one_graph_for_tiles_of_all_sizes(random_photo_network, monkeypatch):
    model, traced = random_photo_network("zoom"), []
    call = type(model).call

    def counting_call(self, x, *arguments, **options):
        if self is model:
            traced.append(x.shape)
        return call(self, x, *arguments, **options)

    monkeypatch.setattr(type(model), "call", counting_call)
    for shape in ((20, 31), (24, 17), (150, 120)):
        zoom.enhance(photo(*shape), model, side=64)
    assert traced == [(1, None, None, 1)]


def test_weights_that_change_after_the_first_photo_are_used(random_photo_network):
    model, other = random_photo_network("unet"), random_photo_network("unet", seed=1)
    image = photo(12, 13)
    before, wanted = zoom.enhance(image, model), zoom.enhance(image, other)
    model.set_weights(other.get_weights())
    np.testing.assert_array_equal(zoom.enhance(image, model), wanted)
    assert (before != wanted).any()


def test_a_network_is_not_kept_in_memory_after_its_photo(random_photo_network):
    model = random_photo_network("zoom")
    zoom.enhance(photo(12, 13), model)
    model, variables = weakref.ref(model), [weakref.ref(v) for v in model.variables]
    gc.collect()
    assert model() is None and not any(variable() is not None for variable in variables)


@pytest.mark.parametrize("image", [np.zeros((4, 4, 3)), np.zeros((4, 4), "uint8"),
                                   np.zeros((4, 4, 1), "uint8"), np.zeros((0, 4, 3), "uint8")])
def test_another_image_is_refused(image):
    with pytest.raises(ValueError, match="expected an image of uint8"):
        zoom.enhance(image, "bicubic")


def test_another_scale_region_or_network_is_refused():
    image = photo(8, 8)
    for scale in (0.99, 4.01, 0, -2, float("nan")):
        with pytest.raises(ValueError, match=f"scale must be from 1 to 4, found {scale}"):
            zoom.enhance(image, "bicubic", scale)
    with pytest.raises(ValueError, match="does not lie inside a picture of 8x8"):
        zoom.enhance(image, "bicubic", 4, (4, 4, 5, 5))
    with pytest.raises(ValueError, match="does not enlarge luma of any size by 2"):
        zoom.enhance(image, "baseline")


# --- the command ---------------------------------------------------------------------------


@pytest.fixture
def work(tmp_path, monkeypatch):
    """An empty folder, and the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(*arguments, model="bicubic"):
    return zoom.main([*map(str, arguments), "--model", model])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def saved(path, mode="RGB", **options):
    """Save a picture of 24x20 pixels, half transparent where the mode has alpha."""
    image = Image.fromarray(photo(20, 24)).convert(mode)
    if mode in ("LA", "RGBA"):
        image.putalpha(128)
    image.save(path, **options)


KINDS = [("a.png", "RGB", "RGB"), ("a.jpg", "RGB", "RGB"), ("a.webp", "RGB", "RGB"),
         ("a.tif", "RGB", "RGB"), ("a.png", "L", "L"), ("a.jpg", "L", "L"), ("a.png", "P", "RGB"),
         ("a.png", "1", "L"), ("a.png", "LA", "LA"), ("a.tif", "LA", "LA"),
         ("a.png", "RGBA", "RGBA"), ("a.webp", "RGBA", "RGBA"), ("a.jpg", "CMYK", "RGB"),
         ("a.tif", "CMYK", "RGB")]


@pytest.mark.parametrize("name, mode, becomes", KINDS)
def test_each_kind_of_file_comes_back_as_its_kind(work, name, mode, becomes):
    saved(work / name, mode)
    assert command(name) == 0
    with Image.open(work / name.replace("a.", "a_x2.")) as image, Image.open(name) as source:
        assert (image.mode, image.size, image.format) == (becomes, (48, 40), source.format)
        wanted = source.convert("RGB").resize((48, 40), Image.Resampling.BICUBIC)
        off = np.abs(np.asarray(image.convert("RGB"), int) - np.asarray(wanted, int))
    assert off.mean() < 6  # Pillow's bicubic is Keys' too; the rest is the loss of the format


def test_the_file_holds_what_enhance_gives(work):
    saved("a.png")
    assert command("a.png", "--scale", 4, "-o", "b.tif") == 0
    np.testing.assert_array_equal(
        np.asarray(Image.open("b.tif")),
        zoom.enhance(np.asarray(Image.open("a.png")), "bicubic", 4))


def test_what_is_lost_in_reading_is_said(work, capsys):
    deep = Image.fromarray(np.arange(256, dtype="uint16").reshape(16, 16) * 257)
    deep.save("a.tif", save_all=True, append_images=[deep])
    assert command("a.tif") == command("a.tif", "--format", "jpg") == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("; the first of 2 frames is taken")
    assert second.endswith("; the first of 2 frames is taken; 16 bits become 8")


def test_16_bits_of_a_file_come_back_as_16_bits(work):
    deep = np.arange(400, dtype="uint16").reshape(20, 20) * 160
    Image.fromarray(deep).save("a.png")
    assert command("a.png") == 0
    with Image.open("a_x2.png") as image:
        found = np.asarray(image)
    assert image.mode == "I;16" and len(np.unique(found)) > 500
    np.testing.assert_array_equal(
        found, zoom.enhance(np.dstack([deep] * 3), "bicubic")[..., 1])


def test_the_colour_profile_and_the_upright_side_are_kept(work):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: rotate it by 90 degrees clockwise to show it
    saved("a.jpg", icc_profile=profile, exif=exif)
    assert command("a.jpg", "-o", "b.png") == command("a.jpg") == 0
    for name in ("b.png", "a_x2.jpg"):
        with Image.open(name) as image:
            assert image.info["icc_profile"] == profile
            assert image.size == (40, 48) and 0x0112 not in image.getexif()
    upright = np.asarray(Image.open("a.jpg").transpose(Image.Transpose.ROTATE_270))
    np.testing.assert_array_equal(np.asarray(Image.open("b.png")),
                                  zoom.enhance(upright, "bicubic"))


def test_a_region_is_the_crop_of_the_whole_and_has_its_own_name(work):
    saved("a.png")
    assert command("a.png") == command("a.png", "--at", "5,6", "--size", "10x8") == 0
    np.testing.assert_array_equal(np.asarray(Image.open("a_at_5_6_x2.png")),
                                  np.asarray(Image.open("a_x2.png"))[12:28, 10:30])


def test_a_region_outside_says_how_large_the_photo_is(work, capsys):
    saved("a.png")
    assert command("a.png", "--at", "5,6") == 1
    assert "256x256 at 5,6 does not lie inside a picture of 24x20" in capsys.readouterr().err
    assert names(work) == ["a.png"]


def test_compare_writes_bicubic_beside_the_result(work, random_photo_network, monkeypatch):
    saved("a.png")
    model = random_photo_network("unet")
    monkeypatch.setattr(zoom.store, "load", lambda name: model)
    assert command("a.png", "--compare", model="zoom") == 0
    both = np.asarray(Image.open("a_x2_compare.png"))
    image = np.asarray(Image.open("a.png"))
    strip, both = np.split(both, [both.shape[0] - 40])
    assert strip.min() < 128 and strip.max() == 255  # the names; see images/test_compare.py
    np.testing.assert_array_equal(both[:, :48], zoom.enhance(image, "bicubic"))
    assert (both[:, 48:-48] == 255).all()
    np.testing.assert_array_equal(both[:, -48:], zoom.enhance(image, model))


def test_files_that_exist_are_left_alone_unless_asked(work, capsys):
    saved("a.png")
    (work / "a_x2.png").write_text("mine")
    assert command("a.png") == 1
    assert "a_x2.png" in (message := capsys.readouterr().err) and "--overwrite" in message
    assert (work / "a_x2.png").read_text() == "mine"
    assert command("a.png", "--overwrite") == 0
    assert Image.open("a_x2.png").size == (48, 40)
    (work / "a_x4_compare.png").write_text("mine")
    assert command("a.png", "--compare", "--scale", 4) == 1
    assert not (work / "a_x4.png").exists()  # found out before the work


def damaged(folder):
    """Pictures that cannot be read, and the message that each deserves."""
    saved(folder / "whole.jpg")
    whole = (folder / "whole.jpg").read_bytes()
    for name, content in (("empty.jpg", b""), ("text.png", b"a letter"),
                          ("cut.jpg", whole[:len(whole) // 2])):
        (folder / name).write_bytes(content)
    saved(folder / "cut.png")
    (folder / "cut.png").write_bytes((folder / "cut.png").read_bytes()[:400])
    return {"empty.jpg": "the file is empty", "text.png": "not a picture",
            "cut.jpg": "damaged", "cut.png": "damaged"}


def test_a_bad_file_in_a_folder_does_not_stop_the_others(work, capsys):
    folder = work / "holiday"
    folder.mkdir()
    messages = damaged(folder)
    saved(folder / "zebra.tiff")
    (folder / "notes.txt").write_text("no picture, and not tried")
    assert command("holiday") == 1
    assert names(work / "holiday_x2") == ["whole_x2.jpg", "zebra_x2.tiff"]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(messages)
    for name, message in messages.items():
        assert any(name in line and message in line for line in lines)


def test_what_is_not_there_is_said_and_the_rest_is_done(work, capsys):
    saved("a.png")
    (work / "bare").mkdir()
    assert command("gone.png", "bare", "a.png", "-o", "out") == 1
    assert names(work / "out") == ["a_x2.png"]
    message = capsys.readouterr().err
    assert "gone.png: No such file" in message and "bare: no pictures in this folder" in message


def test_folders_of_the_output_are_made(work, capsys):
    saved("a.png")
    assert command("a.png", "-o", "x/y/b.png") == command("a.png", "-o", "p/q") == 0
    assert names(work / "x/y") == ["b.png"] and names(work / "p/q") == ["a_x2.png"]
    assert command("a.png", "-o", "x/y/b.png/c.png") == 1
    assert "b.png" in capsys.readouterr().err


def test_a_folder_is_not_made_for_a_photo_that_cannot_be_read(work):
    (work / "a.png").write_bytes(b"no picture")
    assert command("a.png", "-o", "x/y/b.png") == 1
    assert names(work) == ["a.png"]


def test_two_photos_of_one_name_do_not_end_in_one_file(work, capsys):
    (work / "sub").mkdir()
    saved("a.png"), saved("sub/a.png", "L")
    assert command("a.png", "sub/a.png", "-o", "out", "--overwrite") == 1
    assert "another photo of this call" in capsys.readouterr().err
    assert Image.open("out/a_x2.png").mode == "RGB"


def test_a_full_disk_leaves_nothing_half_written(work, capsys, monkeypatch):
    saved("a.png")
    (work / "a_x2.png").write_text("mine")

    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert command("a.png", "--overwrite") == 1
    assert "a.png: No space left on device" in capsys.readouterr().err
    assert names(work) == ["a.png", "a_x2.png"] and (work / "a_x2.png").read_text() == "mine"


def test_interrupted_it_leaves_nothing_half_written(work, capsys, monkeypatch):
    saved("a.png")

    def stopped(file):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stopped)
    assert command("a.png") == 130
    assert names(work) == ["a.png"] and "stopped" in capsys.readouterr().err


def test_missing_weights_say_how_to_get_them(work, capsys, monkeypatch):
    saved("a.png")
    monkeypatch.setenv("ZOOM_DATA", str(work))
    assert paths.data_folder() == work
    assert command("a.png", model="zoom") == 1
    assert "python -m shared.train zoom" in capsys.readouterr().err


def test_the_networks_to_choose_from_are_those_that_can_be_trained():
    model = next(action for action in zoom._parser()._actions if action.dest == "model")
    assert "bicubic" in model.choices and "zoom" in model.choices
    assert set(model.choices) - {"bicubic"} <= set(recipes.RECIPES)


@pytest.mark.parametrize("arguments, message", [
    ((), "PHOTO"), (("a.png", "--size", "8x8"), "--size needs --at"),
    (("a.png", "--at", "8"), "two whole numbers as in 256,256"),
    (("a.png", "--at", "8,8", "--size", "0x8"), "two whole numbers as in 256x256"),
    (("a.png", "--scale", "4.5"), "a number from 1 to 4, found '4.5'"),
    (("a.png", "--scale", "nan"), "a number from 1 to 4, found 'nan'"),
    (("a.png", "--width", "2.5"), "a whole number from 1 to 1e+06, found '2.5'"),
    (("a.png", "--scale", "2", "--width", "9"), "give one of them"),
    (("a.png", "--quality", "101"), "a whole number from 1 to 100"),
    (("a.png", "--tile", "0"), "a whole number from 16"),
    (("a.png", "--max-megapixels", "0"), "a number from 0.001"),
    (("a.png", "--compare=table"), "choose from"), (("a.png", "--format", "gif"), "choose from"),
    (("a.png", "--over"), "unrecognized"),
    (("a.png", "b.png", "-o", "c.png"), "one file, and there are several photos"),
    (("a.png", "-o", "c.png", "--format", "jpg"), "is not of the --format jpg"),
    (("a.png", "--model", "magic"), "choose from")])
def test_wrong_usage_ends_with_code_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        zoom.main(list(arguments))
    shown = capsys.readouterr().err
    assert stop.value.code == 2 and message in shown and shown.count("\n") == 1


class EveryStep(zoom.tqdm):
    """A bar that draws each step, where tqdm draws one in a tenth of a second."""

    def __init__(self, **options):
        super().__init__(mininterval=0, **options)


def test_the_bar_is_for_a_terminal_only(work, capsys, monkeypatch):
    saved("a.png")
    command("a.png")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(zoom, "tqdm", EveryStep)
    command("a.png", "--scale", 4)
    shown = capsys.readouterr().err
    assert "photo 1 of 1" in shown and " 20%, " in shown and shown.count("left") >= 3
    assert "\n" not in shown and shown.endswith(" \r")  # wiped out at the end


def test_it_runs_as_a_module(work, run_python):
    saved("a.png")
    run_python("import runpy, sys; sys.argv = ['zoom', sys.argv[1], '--model', 'bicubic']\n"
               "try: runpy.run_module('shared.zoom', run_name='__main__')\n"
               "except SystemExit as stop: assert stop.code == 0", work / "a.png")
    assert names(work) == ["a.png", "a_x2.png"]
