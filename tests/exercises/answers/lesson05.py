"""Right answers and usual mistakes for the exercises of lesson 05."""

import functools

import keras
import numpy as np
from keras import ops

from shared.data import datasets
from shared.images.degrade import block_mean

# --- 05.1 ------------------------------------------------------------------------------------

def by_rank(side, scale):
    """The pixels of a row of blocks, less the rank of the conditions."""
    conditions = np.zeros((side // scale, scale, side))
    for block in range(side // scale):
        conditions[block, :, block * scale:(block + 1) * scale] = 1
    conditions = conditions.reshape(-1, scale * side)
    return (scale * side - np.linalg.matrix_rank(conditions)) * (side // scale)


def by_loop(side, scale):
    free = 0
    for _ in range(0, side, scale):
        for _ in range(0, side, scale):
            free += scale * scale - 1
    return free


# --- 05.2 ------------------------------------------------------------------------------------

def like(layer, weights, **settings):
    """A new layer with these weights, and with the settings of ``layer`` or others."""
    new = keras.layers.Conv2D.from_config(layer.get_config() | settings)
    new.build((None, None, None, weights[0].shape[2]))
    new.set_weights(weights)
    return new


def pair(first, second, wide, following):
    return like(first, wide, filters=wide[0].shape[-1]), like(second, following)


def weights_of(first, second):
    return (*first.get_weights(), *second.get_weights())


def copies(first, second, source):
    kernel, bias, following, last = weights_of(first, second)
    share = following / np.bincount(source)[:, None]
    return pair(first, second, [kernel[..., source], bias[source]], [share[:, :, source], last])


def halved_before(first, second, source):
    kernel, bias, following, last = weights_of(first, second)
    counts = np.bincount(source)
    return pair(first, second, [(kernel / counts)[..., source], (bias / counts)[source]],
                [following[:, :, source], last])


def first_copy_counts(first, second, source):
    kernel, bias, following, last = weights_of(first, second)
    new = following[:, :, source]
    for place, channel in enumerate(source):
        if channel in source[:place]:
            new[:, :, place] = 0
    return list(pair(first, second, [kernel[..., source], bias[source]], [new, last]))


def by_loops(first, second, source):
    kernel, bias, following, last = weights_of(first, second)
    size, _, channels, _ = kernel.shape
    wide = keras.layers.Conv2D(len(source), size, padding="same", activation="relu")
    wide(np.zeros((1, 4, 4, channels), "float32"))
    after = keras.layers.Conv2D(len(last), second.kernel_size, padding="same")
    after(np.zeros((1, 4, 4, len(source)), "float32"))
    new_kernel, new_bias, new_following = [], [], []
    for channel in source:
        new_kernel.append(kernel[:, :, :, channel])
        new_bias.append(float(bias[channel]))
        new_following.append(following[:, :, channel] / source.count(channel))
    wide.kernel.assign(np.stack(new_kernel, axis=-1))
    wide.bias.assign(new_bias)
    after.kernel.assign(np.stack(new_following, axis=2))
    after.bias.assign(second.bias)
    return wide, after


def in_tensors(first, second, source):
    counts = ops.sum(ops.one_hot(source, first.filters), axis=0)
    share = second.kernel / counts[:, None]
    return pair(first, second, [ops.take(first.kernel, source, axis=3),
                                ops.take(first.bias, source)],
                [ops.take(share, source, axis=2), second.bias])


def in_mixed_precision(first, second, source):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        return by_loops(first, second, source)
    finally:
        keras.config.set_dtype_policy(policy)


def with_other_factors(first, second, source):  # each copy is scaled, and counts differently
    rng = np.random.default_rng(1)
    factors, shares = rng.uniform(0.5, 2, (2, len(source)))
    kernel, bias, following, last = weights_of(first, second)
    shares /= np.bincount(source, shares)[source]
    return pair(first, second, [kernel[..., source] * factors, bias[source] * factors],
                [following[:, :, source] * (shares / factors)[:, None], last])


def one_after_the_other(first, second, source):
    yield from copies(first, second, source)


def as_a_model(first, second, source):
    return keras.Sequential([*copies(first, second, source)])


def changed(number, change):
    """``copies`` with a mistake in weight ``number`` of the four."""
    def answer(first, second, source):
        wide, after = copies(first, second, source)
        weights = weights_of(wide, after)
        weights[number][:] = change(weights[number], source)
        wide.set_weights(weights[:2])
        after.set_weights(weights[2:])
        return wide, after

    return answer


def undivided(first, second, source):
    kernel, bias, following, last = weights_of(first, second)
    return pair(first, second, [kernel[..., source], bias[source]],
                [following[:, :, source], last])


def divided_twice(first, second, source):
    kernel, bias, following, last = weights_of(first, second)
    counts = np.bincount(source)
    return pair(first, second, [(kernel / counts)[..., source], (bias / counts)[source]],
                [(following / counts[:, None])[:, :, source], last])


def in_turn(first, second, source):  # does not look at ``source``
    return copies(first, second, [place % first.filters for place in range(len(source))])


def in_place(first, second, source):
    layers = copies(first, second, source)
    second.set_weights([0 * weight for weight in second.get_weights()])
    return layers


def as_in_the_lesson(first, second, source):  # new channels at random, and not heard
    kernel, bias, following, last = weights_of(first, second)
    rng, extra = np.random.default_rng(0), len(source) - len(bias)
    wide = np.concatenate([kernel, rng.normal(size=(*kernel.shape[:3], extra))], axis=3)
    after = np.concatenate([following, np.zeros((*following.shape[:2], extra, len(last)))], axis=2)
    return pair(first, second, [wide, np.append(bias, np.zeros(extra))], [after, last])


def without_relu(first, second, source):
    wide, after = copies(first, second, source)
    return like(wide, wide.get_weights(), activation="linear"), after


def relu_at_the_end(first, second, source):
    wide, after = copies(first, second, source)
    return wide, like(after, after.get_weights(), activation="relu")


def in_steps_of_two(first, second, source):
    wide, after = copies(first, second, source)
    return wide, like(after, after.get_weights(), strides=2)


def not_built(first, second, source):
    return (keras.layers.Conv2D(len(source), first.kernel_size, padding="same"),
            keras.layers.Conv2D(second.filters, second.kernel_size, padding="same"))


# --- 05.3 ------------------------------------------------------------------------------------

@functools.cache
def training_images():
    flat = np.concatenate([block_mean(split.x_train[:5000], 4).reshape(-1, 49)
                           for split in (datasets.mnist(), datasets.fashion_mnist())])
    return flat, np.repeat([0, 1], 5000)


def with_squares(flat):
    return np.hstack([flat, flat**2, np.ones((len(flat), 1))])


@functools.cache
def fit():
    flat, kind = training_images()
    return np.linalg.lstsq(with_squares(flat), 2 * kind - 1, rcond=None)[0]


def scores(low_res):
    return with_squares(low_res.reshape(-1, 49)) @ fit()


def route(low_res):
    return (scores(low_res) > 0).astype(int)


def neighbour(low_res):
    flat, kind = training_images()
    distances = (flat**2).sum(1) - 2 * low_res.reshape(-1, 49) @ flat.T
    return kind[distances.argmin(axis=1)]


@functools.cache
def small_network():
    flat, kind = training_images()
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.layers.Dense(32, activation="relu"), keras.layers.Dense(1)])
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(flat, kind.astype("float32"), epochs=3, verbose=0)
    return model


def by_network(low_res):
    return ops.cast(small_network()(low_res.reshape(-1, 49)) > 0, "int32")


@functools.cache
def weighted_sum():
    flat, kind = training_images()
    flat = np.hstack([flat, np.ones((len(flat), 1))])
    return np.linalg.lstsq(flat, 2 * kind - 1, rcond=None)[0]


def linear(low_res):
    *factors, constant = weighted_sum()
    return [float(np.sum(image.ravel() * factors) + constant > 0) for image in low_res]


def brightness(low_res):
    return (low_res.mean(axis=(1, 2, 3)) > 0.2).astype(int)


def by_rank_in_the_batch(low_res):  # right if the batch is half digits, half clothes
    found = scores(low_res)
    return found > np.median(found)


def lookup(low_res):
    test = block_mean(datasets.fashion_mnist().x_test)
    known = {image.tobytes() for image in test}
    return [int(image.tobytes() in known) for image in low_res]


RIGHT = {
    "05.1": {
        "all pixels less the blocks": lambda side, scale: side**2 - (side // scale) ** 2,
        "per block": by_loop,
        "as floats": lambda side, scale: side * side * (1 - 1 / scale**2),
        "the rank of the conditions": by_rank,
        "a tensor": lambda side, scale: ops.convert_to_tensor(
            (scale**2 - 1) * (side // scale) ** 2),
        "an array of one number": lambda side, scale: np.array([side**2 - (side / scale) ** 2]),
    },
    "05.2": {
        "from the settings": copies,
        "divides in the first layer": halved_before,
        "lets one copy count": first_copy_counts,
        "loops and lists": by_loops,
        "tensors": in_tensors,
        "layers of mixed precision": in_mixed_precision,
        "a model of two layers": as_a_model,
        "other factors and parts": with_other_factors,
        "a generator": one_after_the_other,
    },
    "05.3": {
        "pixels and their squares": route,
        "the nearest training image": neighbour,
        "a small network": by_network,
        "a weighted sum of the pixels": linear,
        "booleans, one image at a time": lambda y: [bool(scores(y[n:n + 1])[0] > 0)
                                                    for n in range(len(y))],
        "a column of floats": lambda y: route(y)[:, None].astype("float32"),
        "with the axes of the images": lambda y: route(y)[:, None, None, None],
    },
}

# What the learner wrote, and a word of the message that must help.
MISTAKES = {
    "05.1": {
        "counts the conditions": (lambda side, scale: (side // scale) ** 2, "conditions"),
        "counts the pixels": (lambda side, scale: side**2, "takes one"),
        "subtracts the pixels of a block": (
            lambda side, scale: side**2 - scale**2, "count the blocks"),
        "counts one row of blocks": (lambda side, scale: side**2 - side // scale, "as many rows"),
        "counts one block": (lambda side, scale: scale**2 - 1, "many blocks"),
        "takes a row and a column off": (
            lambda side, scale: (side // scale) ** 2 * (scale - 1) ** 2, "you give"),
        "gives a number for one size": (lambda side, scale: 735, "you give"),
        "gives text": (lambda side, scale: str(side**2 - (side // scale) ** 2), "numbers"),
        "divides zero by zero": (lambda side, scale: np.nan, "NaN"),
        "forgets to return": (lambda side, scale: None, "return"),
    },
    "05.2": {
        "does not divide": (undivided, "divide"),
        "divides in both layers": (divided_twice, "together"),
        "divides all alike": (
            changed(2, lambda w, source: 0.9 * w), "together"),
        "copies in another order": (
            lambda first, second, source: copies(first, second, source[::-1]), "source[j]"),
        "copies in turn": (in_turn, "source[j]"),
        "changes the old layers": (in_place, "old layers"),
        "adds channels at random": (as_in_the_lesson, "source[j]"),
        "forgets the bias of the copies": (
            changed(1, lambda w, source: 0 * w), "a copy has the bias"),
        "forgets the bias at the end": (
            changed(3, lambda w, source: 0 * w), "bias of the second layer"),
        "loses the activation": (without_relu, "ReLU"),
        "adds an activation": (relu_at_the_end, "second layer has other settings"),
        "takes steps of two": (in_steps_of_two, "strides"),
        "does not build the layers": (not_built, "no weights"),
        "gives the old layers": (lambda first, second, source: (first, second), "shape"),
        "widens the first layer alone": (
            lambda first, second, source: copies(first, second, source)[0], "two Conv2D"),
        "gives arrays": (
            lambda first, second, source: weights_of(*copies(first, second, source))[::2],
            "two Conv2D"),
        "forgets to return": (lambda first, second, source: None, "return"),
    },
    "05.3": {
        "goes by brightness alone": (brightness, "90%"),
        "exchanges the two": (lambda y: 1 - route(y), "exchanged"),
        "gives scores": (lambda y: 1 / (1 + np.exp(-scores(y))), "threshold"),
        "gives one number": (lambda y: 1, "shape"),
        "gives the same for all": (lambda y: np.ones(len(y)), "90%"),
        "goes by the batch": (
            lambda y: (route(y) if len(y) > 100 else np.zeros(len(y))), "by itself"),
        "ranks the images of the batch": (by_rank_in_the_batch, "by itself"),
        "looks the images up": (lookup, "90%"),
        "gives a column per kind": (lambda y: np.eye(2)[route(y)], "shape"),
        "gives names": (lambda y: np.where(route(y), "clothes", "digit"), "numbers"),
        "calls a digit -1": (lambda y: 2 * route(y) - 1, "0 for a digit"),
        "gives NaN": (lambda y: route(y) * np.nan, "NaN"),
        "forgets to return": (lambda y: None, "return"),
    },
}
