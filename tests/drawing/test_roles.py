"""Every role is readable, and told apart by any eye and without colour."""

import itertools

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from shared.drawing import page, roles, text

# Machado, Oliveira and Fernandes (2009), severity 1, for linear RGB.
VISIONS = {
    "all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]]}


def linear(colour):
    values = np.array([int(colour[i:i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def seen(colour, vision):
    """The colour in CIELAB as an eye of that vision sees it."""
    values = np.clip(np.array(VISIONS[vision]) @ linear(colour), 0, 1)
    return rgb2lab(np.where(values <= 0.0031308, 12.92 * values,
                            1.055 * values ** (1 / 2.4) - 0.055))


def contrast(one, other):
    lights = sorted(np.array([0.2126, 0.7152, 0.0722]) @ linear(c) for c in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def test_contrast_is_that_of_the_guidelines():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("colour", [roles.INK, roles.BLUE, roles.ORANGE, roles.PURPLE, roles.GREY,
                                    roles.GREEN, roles.RED])
def test_every_colour_is_readable_as_text_on_white(colour):
    assert contrast(colour, "#ffffff") >= 4.5


def test_grey_is_readable_on_the_shaded_part_of_a_chart():
    # Large or not, what is written there is grey: lines need 3, and so does this short label.
    assert contrast(roles.GREY, roles.SHADE) >= 4


@pytest.mark.parametrize("vision", VISIONS)
def test_roles_are_told_apart_by_any_eye(vision):
    for one, other in itertools.combinations(roles.ROLES.values(), 2):
        apart = deltaE_ciede2000(seen(one.colour, vision), seen(other.colour, vision))
        assert apart > 15, (one, other, apart)


def test_the_colours_of_the_first_edition_fail():
    for vision, one, other in (("protanopia", "#2f855a", "#c0392b"),
                               ("protanopia", "#d9822b", "#2f855a")):
        assert deltaE_ciede2000(seen(one, vision), seen(other, vision)) < 15
    assert contrast("#d9822b", "#ffffff") < 3


def test_roles_are_told_apart_without_colour():
    assert len({role.marker for role in roles.ROLES.values()}) == len(roles.ROLES)


def test_names_of_the_lessons_have_their_roles():
    looks = roles.looks(["truth", "bicubic", "live network", "baseline", "draws"])
    assert list(looks.values()) == list(roles.ROLES.values())


def test_other_names_take_colours_that_no_role_has_taken():
    looks = roles.looks(["fine-tuned", "bicubic", "from nothing", "truth"])
    colours = [look.colour for look in looks.values()]
    assert len(set(colours)) == 4 and looks["bicubic"] == roles.ROLES["bicubic"]


def test_two_of_one_role_differ_in_marker_and_dash():
    first, second, third = roles.looks(["baseline", "zoom", "hd"]).values()
    assert first.colour == second.colour == third.colour
    assert len({first.marker, second.marker, third.marker}) == 3
    assert len({first.dash, second.dash, third.dash}) == 3


def test_a_role_can_be_given_and_must_exist():
    assert roles.looks(["U-Net"], {"U-Net": "live"})["U-Net"] == roles.ROLES["live"]
    with pytest.raises(ValueError, match="choose from truth, bicubic"):
        roles.looks(["U-Net"], {"U-Net": "lively"})


def test_dark_diagrams_keep_the_contrast():
    ground = page.DARK["#ffffff"]
    for colour in (roles.INK, roles.GREY, roles.BLUE, roles.ORANGE, roles.PURPLE, roles.RED):
        assert contrast(page.DARK[colour], ground) >= 4.5
    for tint in ("#cfe3f6", "#f6dcc4", "#ecd2e5", roles.SHADE):  # with text on them
        assert contrast(roles.INK, tint) >= 4.5
        assert contrast(page.DARK[roles.INK], page.DARK[tint]) >= 4.5


def test_source_code_is_readable():
    for _, style in text.CourseStyle:
        if style["color"]:
            assert contrast("#" + style["color"], "#ffffff") >= 4.5
