"""Checks of lesson 05."""

import functools
from collections.abc import Iterator

import keras
import numpy as np

from shared.data import datasets
from shared.exercises.verdicts import NotYet, Right, array, call, number
from shared.images.degrade import block_mean


def check_free_numbers(answer):
    for side, scale in ((28, 4), (36, 2), (28, 7), (6, 1), (30, 3), (8, 8)):
        found = number(call(answer, side, scale))
        row = side // scale  # blocks
        if abs(found - (side**2 - row**2)) < 1e-3:
            continue
        explanations = {
            row**2: "that is the number of conditions, one per block; the question is how many "
                    "numbers they leave free",
            side**2: "that is the number of pixels; each condition takes one free number away",
            scale**2 - 1: "that is what one block leaves free; there are many blocks",
            side**2 - scale**2: "there is one condition per block, and a block has scale x scale "
                                "pixels: count the blocks",
            side**2 - row: "there are side / scale blocks in one row, and as many rows"}
        for value, explanation in explanations.items():
            if abs(found - value) < 1e-3:
                raise NotYet(explanation)
        raise NotYet(f"for side {side} and scale {scale} you give {found:g}")


# Kernel size; channels before, between and after the two layers; which channel each one copies.
PAIRS = ((3, 2, 3, 2, [0, 1, 2, 0]), (1, 2, 4, 3, [0, 1, 2, 3, 3, 3]),
         (5, 3, 3, 1, [2, 0, 0, 1, 1]))


def check_widen_by_copies(answer):
    rng = np.random.default_rng(0)
    for size, before, between, after, source in PAIRS:
        first = _conv(rng, size, before, between, "relu")
        second = _conv(rng, size, between, after, None)
        images = rng.normal(size=(2, 9, 9, before)).astype("float32")
        hidden = array(first(images))
        wanted = array(second(first(images)))
        old_first, old_second = ([w.copy() for w in layer.get_weights()]
                                 for layer in (first, second))
        wide_first, wide_second = _two_layers(call(answer, first, second, list(source)))
        if not all(map(np.array_equal, first.get_weights() + second.get_weights(),
                       old_first + old_second)):
            raise NotYet("your function changes the weights of the old layers; leave them as they "
                         "are, and set those of the new layers")
        _check_size("first", wide_first, (size, size, before, len(source)), source)
        _check_size("second", wide_second, (size, size, len(source), after), source)
        factors = _check_copies(wide_first, images, hidden, old_first, source)
        found = array(wide_second(wide_first(images)))
        if found.shape != wanted.shape:
            raise NotYet(f"together your layers give the shape {found.shape}, expected "
                         f"{wanted.shape}: keep padding and strides")
        if not np.allclose(found, wanted, atol=1e-3):
            _say_what_is_wrong(wide_second, old_second, source, factors)


def _conv(rng, size, channels, filters, activation):
    """A built convolution with random weights, also in the bias, that computes in float32."""
    layer = keras.layers.Conv2D(filters, size, padding="same", activation=activation,
                                dtype="float32")
    layer.build((None, None, None, channels))
    layer.set_weights([rng.normal(size=weight.shape) for weight in layer.get_weights()])
    return layer


def _two_layers(result):
    """The two convolutions that an answer returned, as new layers that compute in float32."""
    if result is None:
        raise NotYet("your function returns None; it needs a `return`")
    if isinstance(result, keras.Model):
        result = [layer for layer in result.layers if hasattr(layer, "kernel_size")]
    elif isinstance(result, Iterator):
        result = list(result)
    if not isinstance(result, tuple | list) or len(result) != 2 or not all(
            isinstance(layer, keras.layers.Conv2D) for layer in result):
        raise NotYet("return two Conv2D layers: the wider first one, and the second one")
    copies = []
    for name, layer in zip(("first", "second"), result, strict=True):
        if not layer.built or not layer.get_weights():
            raise NotYet(f"your {name} layer has no weights yet: `build` it with the shape of its "
                         "input, such as (None, None, None, channels), then use `set_weights`")
        # The learner's layer may compute in bfloat16, with 8 bits of precision.
        copy = type(layer).from_config(layer.get_config() | {"dtype": "float32"})
        copy.build((None, None, None, layer.kernel.shape[2]))
        copy.set_weights([array(weight) for weight in layer.get_weights()])
        copies.append(copy)
    return copies


def _check_size(name, layer, expected, source):
    if tuple(layer.kernel.shape) != expected:
        raise NotYet(f"for source {source}, the kernel of your {name} layer has shape "
                     f"{tuple(layer.kernel.shape)}, expected {expected}")


def _check_copies(layer, images, hidden, old, source):
    """Is each channel of the wider first layer a copy? Returns the factors, (len(source),)."""
    found = array(layer(images))
    if found.shape != (*hidden.shape[:3], len(source)):
        raise NotYet(f"the output of your first layer has shape {found.shape}, expected "
                     f"{(*hidden.shape[:3], len(source))}: keep padding and strides")
    if found.min() < -1e-6:
        raise NotYet("your first layer has lost its ReLU: its output has negative numbers")
    kernel = array(layer.get_weights()[0])
    factors = []
    for channel, old_channel in enumerate(source):
        now, then = found[..., channel], hidden[..., old_channel]
        factor = (now * then).sum() / (then**2).sum()
        if factor < 1e-6 or not np.allclose(now, factor * then, atol=1e-3 * max(1, factor)):
            wanted = old[0][..., old_channel]
            factor = (kernel[..., channel] * wanted).sum() / (wanted**2).sum()
            if factor > 0 and np.allclose(kernel[..., channel], factor * wanted, atol=1e-4):
                raise NotYet("the kernel of your first layer is right, but its bias or its other "
                             "settings are not: a copy has the bias of its old channel, too")
            raise NotYet("new channel j of your first layer does not compute what old channel "
                         "source[j] computed; the output channels are the last axis of the kernel")
        factors.append(factor)
    return np.array(factors)


def _say_what_is_wrong(layer, old, source, factors):
    """Raise NotYet for a second layer that does not fit a right first one."""
    kernel = array(layer.get_weights()[0])
    bias = array(layer.get_weights()[1]) if layer.use_bias else np.zeros(kernel.shape[-1])
    together = np.zeros(old[0].shape)
    for channel, old_channel in enumerate(source):
        together[:, :, old_channel] += factors[channel] * kernel[:, :, channel]
    if np.allclose(together, old[0], atol=1e-3):
        if np.allclose(bias, old[1], atol=1e-4):
            raise NotYet("all weights are right, but the second layer has other settings than "
                         "before: keep its padding, strides and activation")
        raise NotYet("the kernels are right; the bias of the second layer has to stay as it was")
    counts = np.bincount(source)[:, None]
    if np.allclose(together, counts * old[0], atol=1e-3):
        raise NotYet("each copy counts as much as the one channel did: the second layer has to "
                     "divide by the number of copies")
    raise NotYet("the two layers together compute something else: in the second layer, the "
                 "copies of a channel together must count as much as the channel did")


@functools.cache
def _mixed():
    """7x7 images of 1,000 test digits and 1,000 test clothes, shuffled; and which are clothes.

    They are shifted by a pixel, so that no answer can look them up.
    """
    images = [np.roll(split.x_test[3000:4000], (1, -1), axis=(1, 2))
              for split in (datasets.mnist(), datasets.fashion_mnist())]
    order = np.random.default_rng(0).permutation(2000)
    return block_mean(np.concatenate(images), 4)[order], np.repeat([0, 1], 1000)[order]


def check_route(answer):
    low_res, truth = _mixed()
    routes = _routes(call(answer, low_res), 2000)
    correct = (routes == truth).mean()
    if correct < 0.2:
        raise NotYet("digits and clothes are exchanged: 0 is a digit")
    digits, clothes = (np.flatnonzero(truth == kind)[:50] for kind in (0, 1))
    batches = (digits[:1], clothes[:1], digits, clothes)
    again = np.concatenate([_routes(call(answer, low_res[batch]), len(batch))
                            for batch in batches])
    # Networks round differently for other batches, so an image at the border may change sides.
    if (again != routes[np.concatenate(batches)]).mean() > 0.03:
        raise NotYet("the route of an image changes with the other images in its batch; a router "
                     "must decide for each image by itself")
    if correct < 0.9:
        raise NotYet(f"{correct:.1%} of 2,000 images go the right way; reach 90%")
    return Right(f"{correct:.1%} of 2,000 images go the right way (linear classifiers reach 94% "
                 "to 98%, small networks about 99.5%)")


def _routes(result, count):
    """What a router returned, as an array of 0 and 1 of shape (count,)."""
    result = array(result)
    if result.size != count:
        raise NotYet(f"for low_res of shape {(count, 7, 7, 1)} the result has shape "
                     f"{result.shape}, expected {(count,)}: one number per image")
    result = result.ravel()
    if not set(np.unique(result)) <= {0.0, 1.0}:
        raise NotYet("give 0 for a digit and 1 for a piece of clothing, and no number between "
                     "or beyond; compare scores with a threshold")
    return result


CHECKS = {"05.1": check_free_numbers, "05.2": check_widen_by_copies, "05.3": check_route}
