"""Many possible digits for one 7x7 image: conditional flow matching (Lipman et al. 2023).

Noise x0 becomes a digit x1 along a straight line, x_t = (1 - t) x0 + t x1, where the time t
runs from 0 to 1. The velocity on this line is x1 - x0. A network that predicts this velocity
from x_t with the least squared error learns the mean velocity of all lines that pass through
x_t. Following this mean in small steps, starting from new noise, draws a digit (Lipman et al.
2023; Liu, Gong and Liu 2023). Other noise leads to another digit that fits the same 7x7 image.

The flow draws only what the 7x7 image leaves open. The image fixes the block means, so x_t has
exactly those means at every t, and noise and velocity have block means of 0. A block of mean y
whose grey values are in [0, 1] has a variance of at most y (1 - y). So noise and velocity are
scaled by the square root of that, ``detail_scale``, which is 0 if the block is black or white.

Images are float32 (n, 28, 28, 1), low-resolution images (n, 7, 7, 1), both in [0, 1].

Introduced in lesson 08.
"""

import keras
import numpy as np
from keras import layers, ops

from shared import runtime
from shared.images.degrade import block_mean, project
from shared.models.layers import Float32Layer, PixelShuffle, conv

SCALE = 4
# Standard deviations in units of ``detail_scale``, for 7x7 and 28x28 pixels. The noise has about
# that of the digits themselves, which is 0.83 on MNIST.
SIGMA = 0.8
# The error of the network of lesson 01 on test digits.
SPREAD = 0.3


def detail_scale(low_res):
    """The largest standard deviation that each block of mean y can have: sqrt(y (1 - y)).

    Returns an array for an array and a tensor for a tensor, of the shape of ``low_res``, in
    [0, 0.5].
    """
    variance = low_res * (1.0 - low_res)
    if isinstance(low_res, np.ndarray):
        return np.sqrt(np.maximum(variance, 0.0))
    return ops.sqrt(ops.maximum(variance, 0.0))


def repeat_pixels(low_res):
    """An array (n, height, width, 1) with each pixel repeated to a block of 4x4 pixels."""
    return low_res.repeat(SCALE, axis=1).repeat(SCALE, axis=2)


def noisy_start(low_res, rng):
    """The start x0 of the lines: ``low_res`` enlarged, plus noise with block means of 0.

    Takes an array (n, height, width, 1) and a NumPy generator, and returns float32
    (n, 4 height, 4 width, 1). Raises ValueError for another shape.
    """
    n, height, width, channels = _checked(low_res, "low_res").shape
    noise = rng.standard_normal((n, height * SCALE, width * SCALE, channels), "float32")
    noise -= repeat_pixels(block_mean(noise, SCALE))
    return repeat_pixels(low_res) + SIGMA * repeat_pixels(detail_scale(low_res)) * noise


def interpolate(x0, x1, t):
    """The point x_t on the line from x0 to x1, and the velocity there.

    ``x0`` and ``x1`` have shape (n, height, width, 1). ``t`` holds one time per image, shape
    (n, 1), in [0, 1]. Returns two arrays of the shape of ``x0``.
    """
    t = t[:, :, None, None]
    return (1 - t) * x0 + t * x1, x1 - x0


def flow_batch(truth, guess, rng):
    """A batch of ``training_pairs`` for ``pipeline.Batches``: (inputs of the network, velocity).

    ``truth`` and ``guess`` are uint8. The times are drawn uniformly from [0, 1). The loss "mse" on
    these batches is the flow-matching loss.
    """
    x1, guess = (np.divide(images, np.float32(255), dtype="float32") for images in (truth, guess))
    low_res = block_mean(x1, SCALE)
    t = rng.random((len(x1), 1), "float32")
    x_t, velocity = interpolate(noisy_start(low_res, rng), x1, t)
    return {"x_t": x_t, "t": t, "low_res": low_res, "guess": guess}, velocity


def training_pairs(truth, upscaler, copies=1, seed=0, move=2):
    """Digits to train on, each with a guess: the projected output of ``upscaler`` for its 7x7.

    The network must not learn to trust a guess more than it can trust one for new digits. But
    ``upscaler`` was trained on ``truth`` itself, shifted by up to one pixel, and fits those
    images a little better than new ones. So the digits are shifted by up to two pixels, to
    positions that ``upscaler`` has not seen. They are not rotated or scaled: the interpolation
    would blur them, and then the samples would be blurred as well.

    Args:
        truth: array (n, 28, 28, 1) in [0, 1].
        upscaler: the network of lesson 01, or another one from 7x7 to 28x28.
        copies: how often each digit is used, each time with a new shift.
        seed: determines the shifts.
        move: the largest shift in pixels, along each axis.

    Returns two uint8 arrays (copies * n, 28, 28, 1), digits and guesses. For four copies of
    50,000 digits they take 314 MB.
    """
    rng = np.random.default_rng(seed)
    high_res = np.empty((copies * len(truth), *truth.shape[1:]), "uint8")
    guess = np.empty_like(high_res)
    for first in range(0, len(high_res), 1000):  # in chunks, to bound the memory
        numbers = np.arange(first, min(first + 1000, len(high_res))) % len(truth)
        shifted = np.stack([np.roll(truth[i], rng.integers(-move, move + 1, 2), axis=(0, 1))
                            for i in numbers])
        chunk = slice(first, first + len(numbers))
        high_res[chunk] = np.rint(255 * shifted)
        guess[chunk] = np.rint(255 * projected_answer(upscaler, block_mean(shifted, SCALE)))
    return high_res, guess


def projected_answer(upscaler, low_res):
    """The output of ``upscaler``, clipped and projected: the guess that ``sample`` takes.

    Takes an array (n, 7, 7, 1) and returns float32 (n, 28, 28, 1) whose block means are exactly
    ``low_res``.
    """
    return project(np.clip(runtime.predict(upscaler, low_res), 0.0, 1.0), low_res)


@keras.saving.register_keras_serializable(package="zoom_enhance")
class TimeWaves(Float32Layer):
    """Sines and cosines of the time: (n, 1), in [0, 1], becomes (n, 2 * waves).

    Wave k has k half periods between 0 and 1, so that each t has its own pattern (after Vaswani
    et al. 2017). The layer computes in float32: bfloat16 cannot distinguish times that are close
    together.
    """

    def __init__(self, waves=8, **kwargs):
        super().__init__(**kwargs)
        self.waves = waves

    def call(self, t):
        angle = t * (np.pi * np.arange(1, self.waves + 1, dtype="float32"))
        return ops.concatenate([ops.sin(angle), ops.cos(angle)], axis=-1)

    def compute_output_shape(self, shape):
        return (shape[0], 2 * self.waves)

    def get_config(self):
        return {**super().get_config(), "waves": self.waves}


@keras.saving.register_keras_serializable(package="zoom_enhance")
class VelocityAboutGuess(Float32Layer):
    """The velocity for digits that are Gaussian about the guess, plus a correction.

    Let e and e' be independent and standard normal. If x1 = guess + SPREAD scale e and
    x0 = enlarged + SIGMA scale e', with the scale from ``detail_scale``, then the mean velocity
    at x_t is guess - enlarged + c (x_t - mean), where mean = (1 - t) enlarged + t guess and
    c = (t SPREAD^2 - (1 - t) SIGMA^2) / (t^2 SPREAD^2 + (1 - t)^2 SIGMA^2). With this part
    given, the network does not have to learn to remove noise, or to pass the noise through its
    narrow middle. It only learns in what digits differ from a Gaussian.

    The layer is called with [correction, x_t, t, low_res, guess]; the correction is in units of
    ``detail_scale``. Its output has the shape of x_t and block means of 0. It has no weights and
    computes in float32.
    """

    def call(self, inputs):
        correction, x_t, t, low_res, guess = inputs
        t = t[:, :, None, None]
        gain = ((t * SPREAD**2 - (1 - t) * SIGMA**2)
                / (t**2 * SPREAD**2 + (1 - t)**2 * SIGMA**2))
        enlarged = _repeat(low_res)
        velocity = guess - enlarged + gain * (x_t - (1 - t) * enlarged - t * guess)
        velocity = velocity + _repeat(detail_scale(low_res)) * correction
        return velocity - _repeat(ops.average_pool(velocity, SCALE, SCALE))

    def compute_output_shape(self, shapes):
        return shapes[1]


# Layers that ``training.store`` can load; all others are in ``models.layers``.
LAYERS = (TimeWaves, VelocityAboutGuess)


def _repeat(x):
    return ops.repeat(ops.repeat(x, SCALE, axis=1), SCALE, axis=2)


def timed_block(x, time):
    """A residual block whose inner channels are scaled and shifted by the time.

    After FiLM (Perez et al. 2018). ``x`` is (n, height, width, channels), ``time`` (n, features).
    Returns a tensor of the shape of ``x``.
    """
    width = x.shape[-1]
    scale = layers.Dense(width, bias_initializer="ones")(time)  # about 1 at first
    shift = layers.Dense(width)(time)
    y = conv(width)(layers.ReLU()(x))
    y = layers.Multiply()([y, layers.Reshape((1, 1, width))(scale)])
    y = layers.Add()([y, layers.Reshape((1, 1, width))(shift)])
    y = conv(width)(layers.ReLU()(y))
    return layers.Add()([x, y])


def velocity_network(width=48, blocks=2, name="velocity"):
    """A U-Net (Ronneberger et al. 2015) of two levels, 14x14 and 7x7, that predicts the velocity.

    It takes a dict: "x_t" (n, 28, 28, 1), "t" (n, 1), "low_res" (n, 7, 7, 1) and "guess"
    (n, 28, 28, 1), the projected output of the network of lesson 01: "predict, then refine"
    (Whang et al. 2022). It returns (n, 28, 28, 1). Height and width may be any multiples of 4.

    Args:
        width: channels at 14x14; at 7x7 there are twice as many.
        blocks: residual blocks before and after the 7x7 level, which has one more.
    """
    x_t, guess = (keras.Input((None, None, 1), name=key) for key in ("x_t", "guess"))
    low_res, t = keras.Input((None, None, 1), name="low_res"), keras.Input((1,), name="t")
    time = layers.Dense(2 * width, activation="relu")(TimeWaves()(t))
    enlarged = layers.UpSampling2D(SCALE, interpolation="nearest")(low_res)

    # A 6x6 kernel with stride 2 covers the same pixels as a 3x3 kernel after a space-to-depth by 2.
    x = conv(width, 6, strides=2)(layers.Concatenate()([x_t, guess, enlarged]))  # 14x14
    for _ in range(blocks):
        x = timed_block(x, time)
    skip = x
    x = conv(2 * width, 4, strides=2)(x)  # 7x7
    x = layers.Add()([x, conv(2 * width)(low_res)])
    for _ in range(blocks + 1):
        x = timed_block(x, time)
    x = PixelShuffle(2)(conv(4 * width, 1)(x))  # 14x14
    x = layers.Add()([x, skip])
    for _ in range(blocks):
        x = timed_block(x, time)
    x = conv(4, kernel_initializer="zeros")(layers.ReLU()(x))  # no correction at first
    x = PixelShuffle(2)(x)  # 28x28
    velocity = VelocityAboutGuess(name="velocity")([x, x_t, t, low_res, guess])
    inputs = {"x_t": x_t, "t": t, "low_res": low_res, "guess": guess}
    return keras.Model(inputs, velocity, name=name)


def euler(velocity, x, steps):
    """Follow ``velocity(x, t)`` from t = 0 to 1 in ``steps`` straight steps. Returns x at t = 1.

    ``x`` is a number or an array, ``t`` a number. The method calls ``velocity`` once per step,
    and its error falls as 1 / steps.
    """
    for i in range(steps):
        x = x + velocity(x, i / steps) / steps
    return x


def midpoint(velocity, x, steps):
    """As ``euler``, but each step takes the velocity half a step ahead.

    The method calls ``velocity`` twice per step, and its error falls as 1 / steps^2.
    """
    for i in range(steps):
        half = x + velocity(x, i / steps) / (2 * steps)
        x = x + velocity(half, (i + 0.5) / steps) / steps
    return x


def sample(model, low_res, guess, count=1, steps=8, seed=0, method=midpoint, batch_size=250):
    """Draw ``count`` samples for each low-resolution image.

    Args:
        model: a trained ``velocity_network``.
        low_res: array (n, 7, 7, 1) in [0, 1].
        guess: the ``projected_answer`` for ``low_res``, (n, 28, 28, 1).
        count: samples per image.
        steps: steps of ``method``.
        seed: determines the noise, which is the same on every backend and for every
            ``batch_size``. Sample i does not depend on ``count``.
        method: ``midpoint`` or ``euler``.
        batch_size: how many images the network processes at a time.

    Returns float32 (count, n, 28, 28, 1) in [0, 1], with block means of exactly ``low_res``.
    Raises ValueError if the shapes do not match, or ``count`` or ``steps`` is below 1.
    """
    _checked(low_res, "low_res")
    if _checked(guess, "guess").shape != repeat_pixels(low_res).shape:
        raise ValueError(f"low_res of shape {low_res.shape} needs a guess of shape "
                         f"{repeat_pixels(low_res).shape}, found {guess.shape}")
    if count < 1 or steps < 1:
        raise ValueError(f"expected at least one sample and one step, found count {count} and "
                         f"steps {steps}")
    result = np.empty((count, *guess.shape), "float32")
    for i in range(count):
        x0 = noisy_start(low_res, np.random.default_rng([seed, i]))
        for first in range(0, len(x0), batch_size):
            chunk = slice(first, first + batch_size)
            velocity = velocity_function(model, low_res[chunk], guess[chunk])
            x1 = method(velocity, x0[chunk], steps)
            result[i, chunk] = project(x1, low_res[chunk])
    return result


def velocity_function(model, low_res, guess):
    """The network as a function of an array x (n, 28, 28, 1) and a number t that returns an array.

    ``model`` is a ``velocity_network``; ``low_res`` and ``guess`` are its other two inputs, for
    the same n images.
    """
    runtime.choose_compiler(model)

    def velocity(x, t):
        t = np.full((len(x), 1), t, "float32")
        output = model.predict_on_batch({"x_t": x, "t": t, "low_res": low_res, "guess": guess})
        return np.asarray(ops.convert_to_numpy(output), "float32")

    return velocity


def _checked(images, name):
    if images.ndim != 4 or images.shape[3] != 1:
        raise ValueError(f"expected {name} of shape (n, height, width, 1), found {images.shape}")
    return images
