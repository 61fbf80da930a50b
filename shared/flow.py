"""Many answers to one 7x7 digit: conditional flow matching (Lipman et al. 2023), lesson 07.

Noise x0 becomes a digit x1 along a straight line, x_t = (1 - t) x0 + t x1, where the time t
runs from 0 to 1. Its velocity is x1 - x0. A network that predicts this velocity from x_t with
the least squared error learns the mean velocity of all lines that pass through x_t; following
that mean from fresh noise, in small steps, draws a digit (Lipman et al. 2023; Liu, Gong and
Liu 2023). Other noise, another digit, all of them with the same 7x7.

Only what the 7x7 leaves open is drawn. Its block means are known, so x_t has exactly those
means at every t, and noise and velocity have block means of 0. And a block of mean y holds
grey values in [0, 1], whose variance is at most y (1 - y): noise and velocity are scaled by
its square root, the ``room`` of the block, which is 0 where the block is black or white.

Images are float32 (n, 28, 28, 1), low-resolution ones (n, 7, 7, 1), both in [0, 1].
"""

import keras
import numpy as np
from keras import layers, ops

from shared import training
from shared.degrade import block_mean, project
from shared.models import PixelShuffle, conv

SCALE = 4
# Standard deviation of the noise in units of ``room``, 28x28 against 7x7. Digits themselves
# have 0.83 (their detail's variance is 0.69 of the room's, measured on MNIST).
SIGMA = 0.8
# The same of the error of lesson 01's answers (variance 0.09 of the room's, test digits).
SPREAD = 0.3


def room(low_res):
    """The largest standard deviation that each block can have: sqrt(y (1 - y)), 0 to 0.5.

    An array for an array, a tensor for a tensor, of the shape of ``low_res``.
    """
    free = low_res * (1.0 - low_res)
    if isinstance(low_res, np.ndarray):
        return np.sqrt(np.maximum(free, 0.0))
    return ops.sqrt(ops.maximum(free, 0.0))


def enlarge(low_res):
    """Each pixel repeated in a block of 4x4, arrays."""
    return low_res.repeat(SCALE, axis=1).repeat(SCALE, axis=2)


def start(low_res, rng):
    """Where the lines begin, x0: ``low_res`` enlarged, plus noise with block means of 0."""
    n, height, width, channels = _checked(low_res, "low_res").shape
    noise = rng.standard_normal((n, height * SCALE, width * SCALE, channels), "float32")
    noise -= enlarge(block_mean(noise, SCALE))
    return enlarge(low_res) + SIGMA * enlarge(room(low_res)) * noise


def line(x0, x1, t):
    """The point x_t on the line from x0 to x1, and the velocity there.

    ``t`` has shape (n, 1), each in [0, 1]. Returns two arrays of the shape of ``x0``.
    """
    t = t[:, :, None, None]
    return (1 - t) * x0 + t * x1, x1 - x0


def flow_loss(velocity, x0, x1, t):
    """The flow-matching loss: the mean squared error of ``velocity(x_t, t)`` against x1 - x0.

    Args:
        velocity: function of arrays x_t (n, height, width, 1) and t (n, 1) that gives what is
            predicted, of the shape of x_t.
        x0, x1: noise and digits, (n, height, width, 1); t: the times, (n, 1).
    """
    x_t, wanted = line(x0, x1, t)
    return float(np.mean(np.square(velocity(x_t, t) - wanted)))


def noisy(truth, guess, rng):
    """For ``training.Batches`` of ``pairs``: (the network's inputs, the velocity).

    With the loss "mse" this is ``flow_loss`` at times drawn evenly from 0 to 1.
    """
    x1, guess = (np.divide(images, np.float32(255), dtype="float32") for images in (truth, guess))
    low_res = block_mean(x1, SCALE)
    t = rng.random((len(x1), 1), "float32")
    x_t, velocity = line(start(low_res, rng), x1, t)
    return {"x_t": x_t, "t": t, "low_res": low_res, "guess": guess}, velocity


def pairs(truth, upscaler, copies=1, seed=0, move=2):
    """Digits to learn from, each with the answer of ``upscaler`` to its 7x7, projected.

    The network sees the guess and must not trust it more than it will deserve on new digits.
    ``upscaler`` has learnt ``truth`` a little by heart, at moves of up to one pixel (MSE
    0.0051 on training digits, 0.0055 on test ones). So digits are moved by up to two, which
    it has not seen (0.0058). They are not turned or stretched: linear interpolation leaves
    them less than a third of their power in ring 14, and samples would be blurred as well.

    Args:
        truth: array (n, 28, 28, 1) in [0, 1].
        upscaler: the network of lesson 01, or another from 7x7 to 28x28.
        copies: how often each digit comes, each time with a move of its own.
        seed: the moves follow from it.

    Returns two uint8 arrays (copies * n, 28, 28, 1): digits and guesses, 314 MB for four
    copies of 50,000.
    """
    rng = np.random.default_rng(seed)
    high_res = np.empty((copies * len(truth), *truth.shape[1:]), "uint8")
    guess = np.empty_like(high_res)
    for first in range(0, len(high_res), 1000):  # bounds the memory
        chosen = np.arange(first, min(first + 1000, len(high_res))) % len(truth)
        moved = np.stack([np.roll(truth[i], rng.integers(-move, move + 1, 2), axis=(0, 1))
                          for i in chosen])
        part = slice(first, first + len(chosen))
        high_res[part] = np.rint(255 * moved)
        guess[part] = np.rint(255 * answer(upscaler, block_mean(moved, SCALE)))
    return high_res, guess


def answer(upscaler, low_res):
    """The single answer of ``upscaler``, projected: what ``sample`` takes as its guess."""
    return project(np.clip(training.predict(upscaler, low_res), 0.0, 1.0), low_res)


@keras.saving.register_keras_serializable(package="zoom_enhance")
class TimeWaves(layers.Layer):
    """Sines and cosines of the time: (n, 1), in [0, 1], becomes (n, 2 * waves).

    Wave k has k half periods from 0 to 1, so that each t has a pattern of its own (after
    Vaswani et al. 2017). In float32, which tells near times apart; bfloat16 does not.
    """

    def __init__(self, waves=8, **kwargs):
        super().__init__(dtype="float32", **{k: v for k, v in kwargs.items() if k != "dtype"})
        self.waves = waves

    def call(self, t):
        angle = t * (np.pi * np.arange(1, self.waves + 1, dtype="float32"))
        return ops.concatenate([ops.sin(angle), ops.cos(angle)], axis=-1)

    def compute_output_shape(self, shape):
        return (shape[0], 2 * self.waves)

    def get_config(self):
        return {**super().get_config(), "waves": self.waves}


@keras.saving.register_keras_serializable(package="zoom_enhance")
class VelocityAboutGuess(layers.Layer):
    """The velocity if digits were Gaussian about the guess, plus a correction.

    Were x1 = guess + SPREAD room e and x0 = enlarged + SIGMA room e' with e, e' independent
    standard normal, the mean velocity at x_t would be guess - enlarged + c (x_t - mean), where
    mean = (1 - t) enlarged + t guess and c = (t SPREAD^2 - (1 - t) SIGMA^2) /
    (t^2 SPREAD^2 + (1 - t)^2 SIGMA^2). So the network need not learn that noise has to go,
    nor carry it through its narrow middle: it learns what a digit is and a Gaussian is not.

    Called with [correction, x_t, t, low_res, guess]; the correction is in units of ``room``.
    The block means of what it gives are 0. No weights; in float32.
    """

    def __init__(self, **kwargs):
        super().__init__(dtype="float32", **{k: v for k, v in kwargs.items() if k != "dtype"})

    def call(self, inputs):
        correction, x_t, t, low_res, guess = inputs
        t = t[:, :, None, None]
        pull = ((t * SPREAD**2 - (1 - t) * SIGMA**2)
                / (t**2 * SPREAD**2 + (1 - t)**2 * SIGMA**2))
        rough = _repeat(low_res)
        velocity = guess - rough + pull * (x_t - (1 - t) * rough - t * guess)
        velocity = velocity + _repeat(room(low_res)) * correction
        return velocity - _repeat(ops.average_pool(velocity, SCALE, SCALE))

    def compute_output_shape(self, shapes):
        return shapes[1]


def _repeat(x):
    return ops.repeat(ops.repeat(x, SCALE, axis=1), SCALE, axis=2)


def timed_block(x, time):
    """A residual block whose inside is scaled and shifted by the time (Perez et al. 2018)."""
    width = x.shape[-1]
    scale = layers.Dense(width, bias_initializer="ones")(time)  # about 1 to begin with
    shift = layers.Dense(width)(time)
    y = conv(width)(layers.ReLU()(x))
    y = layers.Multiply()([y, layers.Reshape((1, 1, width))(scale)])
    y = layers.Add()([y, layers.Reshape((1, 1, width))(shift)])
    y = conv(width)(layers.ReLU()(y))
    return layers.Add()([x, y])


def velocity_network(width=48, blocks=2, name="velocity"):
    """The velocity at x_t: a U-Net (Ronneberger et al. 2015) of two levels, 14x14 and 7x7.

    It takes a dict: "x_t" (n, 28, 28, 1), "t" (n, 1), "low_res" (n, 7, 7, 1) and "guess"
    (n, 28, 28, 1), the answer of lesson 01's network: "predict, then refine" (Whang et al.
    2022). It gives (n, 28, 28, 1). Any height and width that divide by 4 do.
    """
    x_t, guess = (keras.Input((None, None, 1), name=key) for key in ("x_t", "guess"))
    low_res, t = keras.Input((None, None, 1), name="low_res"), keras.Input((1,), name="t")
    time = layers.Dense(2 * width, activation="relu")(TimeWaves()(t))
    rough = layers.UpSampling2D(SCALE, interpolation="nearest")(low_res)

    # A kernel of 6 with a stride of 2 sees what one of 3 sees after a space-to-depth by 2.
    x = conv(width, 6, strides=2)(layers.Concatenate()([x_t, guess, rough]))  # 14x14
    for _ in range(blocks):
        x = timed_block(x, time)
    across = x
    x = conv(2 * width, 4, strides=2)(x)  # 7x7
    x = layers.Add()([x, conv(2 * width)(low_res)])
    for _ in range(blocks + 1):
        x = timed_block(x, time)
    x = PixelShuffle(2)(conv(4 * width, 1)(x))  # 14x14
    x = layers.Add()([x, across])
    for _ in range(blocks):
        x = timed_block(x, time)
    x = conv(4, kernel_initializer="zeros")(layers.ReLU()(x))  # no correction to begin with
    x = PixelShuffle(2)(x)  # 28x28
    velocity = VelocityAboutGuess(name="velocity")([x, x_t, t, low_res, guess])
    inputs = {"x_t": x_t, "t": t, "low_res": low_res, "guess": guess}
    return keras.Model(inputs, velocity, name=name)


def euler(velocity, x, steps):
    """Follow ``velocity(x, t)`` from t = 0 to 1 in ``steps`` straight steps.

    ``t`` is a number. The error falls as 1 / steps, for ``steps`` calls.
    """
    for i in range(steps):
        x = x + velocity(x, i / steps) / steps
    return x


def midpoint(velocity, x, steps):
    """As ``euler``, each step with the velocity found half a step ahead.

    The error falls as 1 / steps^2, for two calls a step.
    """
    for i in range(steps):
        half = x + velocity(x, i / steps) / (2 * steps)
        x = x + velocity(half, (i + 0.5) / steps) / steps
    return x


def sample(model, low_res, guess, count=1, steps=8, seed=0, method=midpoint, batch_size=250):
    """Draw ``count`` digits for each ``low_res``: in [0, 1], their block means exactly it.

    Args:
        model: a trained ``velocity_network``.
        low_res: array (n, 7, 7, 1) in [0, 1].
        guess: what ``answer`` gives for it, (n, 28, 28, 1).
        steps, method: ``method`` is ``midpoint`` or ``euler``.
        seed: the noise follows from it, the same on every backend and for every
            ``batch_size``; draw i does not depend on ``count``.

    Returns float32 (count, n, 28, 28, 1). Raises ValueError for arrays that do not fit.
    """
    _checked(low_res, "low_res")
    if _checked(guess, "guess").shape != enlarge(low_res).shape:
        raise ValueError(f"low_res of shape {low_res.shape} needs a guess of shape "
                         f"{enlarge(low_res).shape}, found {guess.shape}")
    if count < 1 or steps < 1:
        raise ValueError(f"expected at least one draw and one step, found count {count} and "
                         f"steps {steps}")
    training.choose_compiler(model)
    result = np.empty((count, *guess.shape), "float32")
    for i in range(count):
        x0 = start(low_res, np.random.default_rng([seed, i]))
        for first in range(0, len(x0), batch_size):
            part = slice(first, first + batch_size)
            given = {"low_res": low_res[part], "guess": guess[part]}
            x1 = method(_velocity(model, given), x0[part], steps)
            result[i, part] = project(x1, low_res[part])
    return result


def _velocity(model, given):
    """The network as a function of an array x and a number t."""

    def velocity(x, t):
        t = np.full((len(x), 1), t, "float32")
        found = model.predict_on_batch({"x_t": x, "t": t, **given})
        return np.asarray(ops.convert_to_numpy(found), "float32")

    return velocity


def _checked(images, name):
    if images.ndim != 4 or images.shape[3] != 1:
        raise ValueError(f"expected {name} of shape (n, height, width, 1), found {images.shape}")
    return images
