"""Photos enlarged as a whole and in tiles: the same pixels, whatever the scale and the depth."""

import gc
import weakref

import keras
import numpy as np
import pytest
from zooming import photo

from shared import zoom
from shared.enlarging import enhance
from shared.images import luma, resize
from shared.models import layers
from shared.models.zoom_network import PHOTO_NETWORKS


@pytest.mark.parametrize("name", PHOTO_NETWORKS)
def test_the_result_in_tiles_is_that_of_the_whole_photo(
        name, random_photo_network, monkeypatch):
    """To the last bit but for a value that lies halfway between two grey levels.

    Convolutions of two shapes may add their products in another order, on some processors.
    The first comparison is of the numbers before they are rounded.
    """
    model, image, rounded = random_photo_network(name), photo(203, 170), luma.rounded
    monkeypatch.setattr(enhance.luma, "rounded", lambda values: values)
    whole = zoom.enhance(image, model, side=1000)
    seen = []
    run = enhance._compiled(model)
    monkeypatch.setattr(enhance, "_compiled", lambda _: lambda x: seen.append(x.shape) or run(x))
    tiled = zoom.enhance(image, model, side=64)
    assert len(seen) >= 4 and len(set(seen)) == 1
    assert np.abs(whole - resize.resize(image[None], (406, 340))[0]).max() > 2  # detail is added
    np.testing.assert_allclose(tiled, whole, atol=2e-3)  # of 255 levels
    differs = rounded(tiled) != rounded(whole)
    halfway = np.abs(whole - np.floor(whole) - 0.5) < 2e-3
    assert not (differs & ~halfway).any()


def test_with_too_small_a_margin_the_tiles_would_show(random_photo_network, monkeypatch):
    model, image = random_photo_network("srcnn"), photo(150, 140)
    monkeypatch.setattr(enhance, "_margin", lambda network: 2)
    assert (zoom.enhance(image, model, side=64) != zoom.enhance(image, model, side=1000)).any()


@pytest.mark.slow
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
    monkeypatch.setattr(enhance.luma, "rounded", lambda values: values)
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
    reach = 2 * enhance._margin(zoom.load_network(model) if name == "bicubic" else model)
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
    monkeypatch.setattr(enhance, "_compiled", lambda network: lambda x: (
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
