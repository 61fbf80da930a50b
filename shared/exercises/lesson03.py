"""Checks of lesson 03."""

import functools
import inspect

import keras
import numpy as np

from shared import runtime, weights
from shared.data import drawings
from shared.exercises.verdicts import NotYet, Right, array, call, number
from shared.images.degrade import block_mean, project
from shared.images.resize import resize
from shared.measures import metrics

EDGES = ((3.3, 12), (5.0, 9), (6.75, 14), (23.35, 40), (2.6, 8))  # place of the edge, pixels
ACCURACY = 1e-4
NEAR = 0.0101  # so a place that is rounded to two decimals, or found on a grid of 0.01, will do


def check_find_edge(answer):
    """Check a function of a row of greys that gives the place of its edge."""
    rows = [np.clip(edge - np.arange(n), 0, 1) for edge, n in EDGES]
    places = np.array([number(call(answer, row)) for row in rows])
    if not np.allclose(places, [edge for edge, _ in EDGES], rtol=0, atol=NEAR):
        _say_where_edges_are(places, rows)
    for kernel in ((1, 2, 1), (1, 4, 6, 4, 1)):
        for (edge, _), row in zip(EDGES, rows, strict=True):
            softened = np.convolve(np.pad(row, 2, mode="edge"), kernel, "same")[2:-2] / sum(kernel)
            place = number(call(answer, softened))
            if abs(place - edge) > NEAR:
                raise NotYet(f"sharp rows are right, but in a softened row the edge at {edge:g} "
                             f"is placed at {place:.3f}: mixing neighbours moves ink from pixel "
                             "to pixel, so look for what it keeps the same")


def _say_where_edges_are(places, rows):
    edges, sizes = np.array(EDGES).T

    def is_always(values):
        return np.allclose(places, values, rtol=0, atol=NEAR)

    if (places == np.round(places)).all():
        raise NotYet("you return whole numbers: the grey of the pixel that holds the edge tells "
                     "how far inside it the edge lies")
    if is_always(edges / sizes):
        raise NotYet("that is the place as a fraction of the row; it should be in pixels")
    if is_always(sizes - edges):
        raise NotYet("that is the width of the black part; the place is counted from the left end")
    if is_always(edges - 0.5) or is_always(edges + 0.5):
        raise NotYet("half a pixel off: pixel i reaches from i to i + 1")
    centres = [np.interp(-0.5, -row, np.arange(len(row)) + 0.5) for row in rows]
    if is_always(centres):
        raise NotYet(f"close, but the edge at {edges[0]:g} is placed at {places[0]:.3f}: the "
                     "line from grey to grey crosses mid-grey near the edge, and not at it")
    wrong = np.abs(places - edges).argmax()
    raise NotYet(f"in a row of {sizes[wrong]:.0f} pixels the edge at {edges[wrong]:g} is placed "
                 f"at {places[wrong]:.3f}")


def _shapes(times, height, width, seed):
    """Three images (height, width, 1) of bright rectangles on black, ``times`` times, float32."""
    rng = np.random.default_rng(seed)
    images = np.zeros((3, height, width, 1), "float32")
    for image in images:
        for _ in range(6):
            top, left = rng.integers(6, height - 10), rng.integers(6, width - 10)
            bottom, right = rng.integers(top + 2, height - 6), rng.integers(left + 2, width - 6)
            image[top:bottom, left:right] = rng.uniform(0.2, 1)
    return np.concatenate([images] * times)


def _softened(images):
    """The mean of the 5x5 pixels around each pixel, as an array."""
    return keras.ops.convert_to_numpy(keras.ops.average_pool(images, 5, strides=1, padding="same"))


def _called(layer, images, training):
    if isinstance(layer, keras.layers.Layer):
        return call(layer, images, training=training)
    return call(layer, images, training)  # a function may call its second argument anything


def _camera(layer, images, training):
    """What a layer makes of an array of images: an array of the shape of their block means."""
    output = _called(layer, keras.ops.convert_to_tensor(images), training)
    return array(output, block_mean(images).shape)


def check_random_camera(answer):
    """Check a layer of (images, training), or its class."""
    layer = call(answer) if inspect.isclass(answer) else answer
    images, others = _shapes(20, 40, 56, seed=1), _shapes(60, 32, 24, seed=2)
    _say_what_inference_does(_camera(layer, images, False), images)
    first, second = (_camera(layer, images, True) for _ in range(2))
    strengths = _strengths(first, images)
    if np.allclose(first, second, atol=1e-6):
        raise NotYet("two calls use the same random numbers: make a keras.random.SeedGenerator "
                     "once, in `__init__`, and pass it as `seed`")
    third = _camera(layer, others, True)
    _say_how_strengths_lie(np.concatenate([
        strengths, _strengths(second, images), _strengths(third, others)]))
    _say_what_a_network_does_with_it(layer, images)


def _say_what_inference_does(result, images):
    if np.allclose(result, block_mean(images), atol=ACCURACY):
        return
    if np.allclose(result, block_mean(_softened(images)), atol=ACCURACY):
        raise NotYet("with training=False the images come back softened; then they should only be "
                     "averaged over blocks")
    strengths, error = _least_squares(result, images)
    if error <= ACCURACY:
        if np.ptp(strengths) < 1e-3:
            raise NotYet(f"with training=False all images are softened by {strengths.mean():.2f}; "
                         "then they should stay sharp")
        raise NotYet("with training=False the result is still random; then it should be the block "
                     "means of the sharp images")
    raise NotYet("with training=False the result should be the means of blocks of 4x4 pixels; it "
                 f"differs from them by up to {np.abs(result - block_mean(images)).max():.3f}")


def _least_squares(result, images):
    """Which mixture of sharp (0) and soft (1) is nearest to each result, and the largest error."""
    sharp = block_mean(images)
    change = block_mean(_softened(images)) - sharp
    strengths = ((result - sharp) * change).sum(axis=(1, 2, 3)) / (change**2).sum(axis=(1, 2, 3))
    return strengths, np.abs(result - sharp - strengths[:, None, None, None] * change).max()


def _strengths(result, images):
    """The strength with which each image was softened; raises NotYet if it was done otherwise.

    Every third image is the same one.
    """
    if np.allclose(result, block_mean(images), atol=ACCURACY):
        raise NotYet("with training=True nothing is softened")
    strengths, error = _least_squares(result, images)
    if error > ACCURACY:
        changes = (result - block_mean(images))[::3].reshape(len(result) // 3, -1)
        spread = np.linalg.svd(changes, compute_uv=False)
        if spread[1] > 0.02 * spread[0]:  # not multiples of one change
            raise NotYet("with training=True the pixels of an image are softened by different "
                         "strengths: draw one number per image, in the shape (n, 1, 1, 1)")
        raise NotYet("with training=True no mixture of the sharp and the soft image has these "
                     "block means: the soft image is the mean over 5x5 pixels around each pixel, "
                     "before the block means are taken")
    if np.ptp(strengths) < 1e-3:
        raise NotYet("with training=True all images of a batch get the same strength: draw one "
                     "number per image, in the shape (n, 1, 1, 1)")
    return strengths


def _say_how_strengths_lie(strengths):
    low, high = strengths.min(), strengths.max()
    # How far their quantiles are from those of the uniform distribution.
    distance = np.abs(np.sort(strengths) - np.linspace(0, 1, len(strengths))).max()
    if low < -0.05 or high > 1.05 or distance > 0.14:
        raise NotYet(f"{len(strengths)} images were softened by strengths from {low:.2f} to "
                     f"{high:.2f}, {strengths.mean():.2f} on average; they should be uniform "
                     "between 0 and 1")


def _say_what_a_network_does_with_it(layer, images):
    inputs = keras.Input((None, None, 1))

    class Trains(keras.Model):
        def call(self, images):
            return inside(images, training=True)

    try:
        inside = keras.Model(inputs, _called(layer, inputs, True))
        trains = Trains()
        first, second = (trains.predict_on_batch(images) for _ in range(2))
        result = inside.predict_on_batch(images)
    except Exception as error:
        if not isinstance(layer, keras.layers.Layer):
            raise NotYet("called with a batch it is right, but it is a function; make it a "
                         "`keras.layers.Layer` with a method `call`, which a network can contain"
                         ) from error
        raise NotYet("called with a batch it is right, but a network cannot contain it: use "
                     "`keras.ops` and `keras.random` instead of NumPy, `ops.shape(images)[0]` "
                     "for the number of images, which a network does not know in advance, and a "
                     "SeedGenerator that is made once, in `__init__`") from error
    if np.allclose(array(first), array(second), atol=1e-6):
        raise NotYet("called with a batch it is right, but inside a network its random numbers "
                     "never change: draw them with `keras.random`, not with NumPy")
    _say_what_inference_does(array(result), images)
    _strengths(array(first), images)


@functools.cache
def _fonts():
    """69 digits of fonts, of 112x112 pixels, and their block means."""
    truth = drawings.font_digits()[0][::7]
    return truth, block_mean(truth)


def check_own_enlarger(answer):
    """Check a function that enlarges digits; it must be better than Lanczos with contrast."""
    truth, low_res = _fonts()
    result = array(call(answer, low_res), truth.shape).astype("float32")
    if np.abs(result).max() > 2:
        raise NotYet(f"values reach {np.abs(result).max():.0f}; the images go from 0 (black) to 1 "
                     "(white), and the result should, too")
    score = metrics.psnr(truth, project(result, low_res)).mean()
    soft = resize(low_res, truth.shape[1:3], "lanczos")
    sharp = np.clip(4 * (soft - 0.5) + 0.5, 0, 1)
    reference = metrics.psnr(truth, project(sharp, low_res)).mean()
    if score < reference + 0.1:
        raise NotYet(f"after projection it has {score:.2f} dB, and Lanczos with a contrast of 4 "
                     f"has {reference:.2f} dB; be at least 0.1 dB better")
    if score > 45:
        raise NotYet(f"{score:.1f} dB is only possible by looking up the fonts themselves: use "
                     "drawings")
    _say_if_it_is_a_network_of_the_course(result, low_res)
    word = "smoothing along the edges and steepening in turn reaches about 31.7 dB"
    if score > 32.5:
        word = "that is as good as a network after a short training; if it is one, try without"
    return Right(f"{score:.2f} dB after projection, where Lanczos with a contrast of 4 has "
                 f"{reference:.2f} dB ({word})")


def _say_if_it_is_a_network_of_the_course(result, low_res):
    for name in ("baseline", "hd", "hd_blind"):
        network = weights.load_or_train(name, progress=False)
        output = np.clip(runtime.predict(network, low_res, 32), 0, 1)
        for known in (output, project(output, low_res)):
            if np.abs(np.clip(result, 0, 1) - known).mean() < 1e-3:
                raise NotYet(f"that is the output of the trained network {name}: find a way of "
                             "your own")


CHECKS = {"03.1": check_find_edge, "03.2": check_random_camera, "03.3": check_own_enlarger}
