"""Checks of lesson 07."""

import functools

import keras
import numpy as np

from shared import runtime, weights
from shared.exercises.lesson06 import mean_psnr_y, validation_crops
from shared.exercises.verdicts import NotYet, Right, array, call, number
from shared.images import luma, resize
from shared.images.turns import turned
from shared.measures import metrics

WAVES = ((13, 16), (3, 16), (8, 16), (42, 16), (10, 16), (16, 16), (0, 14), (21, 16), (100, 64),
         (1, 2), (7, 2), (4, 6), (1000, 14))


def _seen(cycles, side):
    """The least number of cycles that has the same values at the places."""
    return min(cycles % side, -cycles % side)


# What an answer computes, apart from the sign, and what to say about it.
WAVE_MISTAKES = [
    (_seen, "count cycles without their direction"),
    (lambda cycles, side: cycles, "a grid of n places shows at most n / 2 cycles"),
    (lambda cycles, side: min(cycles, side // 2),
     "finer waves do not stop at the limit, they are folded back"),
    (lambda cycles, side: cycles if cycles <= side // 2 else 0,
     "without antialiasing a wave is not removed, it looks like another one"),
    (lambda cycles, side: cycles % side,
     "whole cycles from one place to the next cannot be seen, that is right; but of what is left, "
     "more than half a cycle looks like less"),
    (lambda cycles, side: cycles % (side // 2), "waves are folded back, they do not begin anew"),
    (lambda cycles, side: _seen(cycles, side) % (side // 2),
     "at the limit, a wave may be zero at every place; take one with a crest at the first place"),
    (lambda cycles, side: side - cycles, "waves that fit need no fold, very fine ones several"),
    (lambda cycles, side: cycles if cycles <= side // 2 else side - cycles,
     "very fine waves need several folds"),
]


def check_seen_cycles(answer):
    found = [number(call(answer, *wave)) for wave in WAVES]
    wrong = [n for n, wave in enumerate(WAVES) if abs(found[n] - _seen(*wave)) > 1e-6]
    if not wrong:
        return
    cycles, side = WAVES[wrong[0]]
    given = (f"{cycles} cycles at {side} places look like {_seen(cycles, side)}, you give "
             f"{found[wrong[0]]:g}")
    for mistake, words in WAVE_MISTAKES:
        if np.allclose(np.abs(found), [abs(mistake(*wave)) for wave in WAVES], atol=1e-6):
            raise NotYet(f"{given}: {words}")
    raise NotYet(given)


def _lopsided_network():
    """A small network that treats no direction like another one, and is not linear."""
    rng = np.random.default_rng(5)
    inputs = keras.Input((None, None, 1))
    conv = keras.layers.Conv2D(4, 3, padding="same", activation="relu", dtype="float32")
    large = keras.layers.Conv2DTranspose(1, 4, strides=2, padding="same", dtype="float32")
    network = keras.Model(inputs, large(conv(inputs)))
    network.set_weights([rng.normal(0, 0.5, values.shape) for values in network.get_weights()])
    return network


def _turned_back(image, turn):
    """The inverse of ``turned`` for an image (height, width, 1)."""
    image = image.swapaxes(0, 1) if turn & 4 else image
    image = image[::-1] if turn & 2 else image
    return image[:, ::-1] if turn & 1 else image


# Which versions of the photo are in the result, by their numbers in ``turned``.
SOME_TURNS = {
    (0,): "only the network's own result is in it",
    (0, 1): "these are only two versions, the photo and one that is mirrored",
    (0, 2): "these are only two versions, the photo and one that is turned upside down",
    (0, 4): "these are only two versions, the photo and one whose axes are swapped",
    (0, 1, 2, 3): "these are four versions, with flips; those with swapped axes are missing",
    (0, 3, 5, 6): "these are four versions, turned; those that are also mirrored are missing",
    (1, 2, 3, 4, 5, 6, 7): "the photo itself is one of the eight versions",
}


def check_self_ensemble(answer):
    network = _lopsided_network()
    before = [values.copy() for values in network.get_weights()]
    model = call(answer, network)
    if not isinstance(model, keras.Model):
        raise NotYet(f"expected a keras.Model, found {type(model).__name__}"
                     + ("; your function needs a `return`" if model is None else ""))
    if not all(map(np.array_equal, before, network.get_weights())):
        raise NotYet("your function changes the weights of the network")
    rng = np.random.default_rng(6)
    for shape in ((2, 8, 8, 1), (3, 6, 10, 1)):
        images = rng.random(shape).astype("float32")
        n, height, width, _ = shape
        result = array(call(model, images), (n, 2 * height, 2 * width, 1))
        _say_which_turns(result, network, images)
    low_res = validation_crops()[0]
    unet = weights.load_or_train("unet", progress=False)
    own = mean_psnr_y(runtime.predict(unet, low_res))
    several = mean_psnr_y(array(runtime.predict(call(answer, unet), low_res)))
    return Right(f"unet gains {several - own:.2f} dB on crops of the validation photographs, for "
                 "eight times the work")


def _say_which_turns(result, network, images):
    """Raise NotYet unless ``result`` is the mean of the eight results for images."""
    versions = [np.stack([turned(image, turn) for image in images]) for turn in range(8)]
    outputs = [runtime.predict(network, version) for version in versions]
    each = [np.stack([_turned_back(image, turn) for image in output])
            for turn, output in enumerate(outputs)]
    expected = np.mean(each, axis=0)
    if np.allclose(result, expected, atol=2e-2):  # mixed precision has 8 bits
        return
    _say_which_weights(result, each)
    if np.allclose(result, expected.clip(0, 1), atol=1e-3):
        raise NotYet("the result is clipped, which the output of the network is not")
    remark = ""
    if images.shape[1] == images.shape[2]:
        if np.allclose(result, np.mean(outputs, axis=0), atol=1e-3):
            raise NotYet("the eight results are not turned back before the mean")
        if np.allclose(result, runtime.predict(network, np.mean(versions, axis=0)), atol=1e-3):
            raise NotYet("that is the result for the mean of eight photos, not the mean of eight "
                         "results")
    else:
        remark = ". Square images come out right; these are of 6x10 pixels"
    raise NotYet("the result differs from the mean of the eight by up to "
                 f"{np.abs(result - expected).max():.2f}: turn each back by the inverse of what "
                 f"was done to the photo, the last step first{remark}")


def _say_which_weights(result, each):
    """Name the mistake if the result is a sum of the eight results with weights."""
    basis = np.stack([image.ravel() for image in each], axis=1)
    factors = np.linalg.lstsq(basis, result.ravel(), rcond=None)[0]
    if not np.allclose(basis @ factors, result.ravel(), atol=1e-3):
        return
    used = tuple(np.flatnonzero(np.abs(factors) > 0.01))
    if used in SOME_TURNS:
        raise NotYet(SOME_TURNS[used])
    if len(used) < 8:
        raise NotYet(f"only {len(used)} of the eight versions {'is' if len(used) == 1 else 'are'} "
                     "in the result")
    if np.ptp(factors) > 0.01:
        raise NotYet("all eight versions are in the result, but they do not count the same: their "
                     f"weights go from {factors.min():.3g} to {factors.max():.3g}")
    if np.allclose(factors, 1, atol=0.01):
        raise NotYet("that is the sum of the eight results; their mean is asked for")
    raise NotYet(f"the result is {factors.sum():.3g} times the mean of the eight")


SIDE = 128
ENOUGH = 0.5  # dB by which bicubic is better
CONTRAST = 10  # grey levels
VISIBLE = 40  # dB; an error beyond this nobody sees


@functools.cache
def _zoom():
    return weights.load_or_train("zoom", progress=False)


def check_misleading_picture(answer):
    picture = array(call(answer) if callable(answer) else answer)
    picture = array(picture.squeeze(), (SIDE, SIDE))[..., None]
    if np.ptp(picture) == 0:
        raise NotYet("the picture is flat: all its values are the same")
    if picture.max() <= 1.5:
        raise NotYet("the values go up to 1; give luma from 0 to 255")
    if picture.min() < -0.5 or picture.max() > 255.5:
        raise NotYet(f"the values go from {picture.min():.0f} to {picture.max():.0f}; luma goes "
                     "from 0 to 255")
    truth = luma.rounded(picture)
    low_res = luma.reduce(truth)
    if low_res.std() < CONTRAST:
        raise NotYet(f"at half the size the picture is nearly flat: the standard deviation is "
                     f"{low_res.std():.1f}, and at least {CONTRAST} is asked for")
    bicubic = metrics.psnr_y(truth, resize.resize(low_res[None], (SIDE, SIDE))[0])
    enlarged = runtime.predict(_zoom(), low_res[None] / np.float32(255))[0]
    network = metrics.psnr_y(truth, 255 * enlarged)
    ahead = bicubic - network
    given = f"bicubic has {bicubic:.2f} dB, zoom {network:.2f} dB"
    if ahead < ENOUGH:
        raise NotYet(f"{given}; bicubic must be ahead by {ENOUGH:g} dB")
    if network > VISIBLE:
        raise NotYet(f"{given}: bicubic is ahead, but nobody sees such small errors; find a "
                     f"picture on which zoom has less than {VISIBLE} dB")
    remark = "3 dB is very good" if ahead < 3 else "that is very good"
    return Right(f"{given}: bicubic is ahead by {ahead:.2f} dB ({remark})")


CHECKS = {"07.1": check_seen_cycles, "07.2": check_self_ensemble,
          "07.3": check_misleading_picture}
