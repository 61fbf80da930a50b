"""Checks of lesson 02."""

import functools

import keras
import numpy as np

from shared import runtime, weights
from shared.data import datasets
from shared.exercises.verdicts import NotYet, Right, array, call, number
from shared.images.degrade import block_mean, project
from shared.images.resize import upscale
from shared.measures import metrics


@functools.cache
def _clothes():
    """1,000 test clothes in random order, copied so that the memory of the others can be freed."""
    chosen = np.random.default_rng(2).choice(10_000, 1_000, replace=False)
    return datasets.fashion_mnist().x_test[chosen].copy()


@functools.cache
def _digits_output():
    """What the digits network makes of the reduced clothes, projected."""
    network = weights.load_or_train("baseline", progress=False)
    low_res = block_mean(_clothes())
    return project(np.clip(runtime.predict(network, low_res), 0, 1), low_res)


def check_trained_parameters(answer):
    """Check a function of width and scale that counts what the last convolution can train."""
    sizes = [(64, 4), (64, 2), (16, 4), (10, 3)]
    found = np.array([number(call(answer, *size)) for size in sizes])
    width, scale = np.array(sizes).T
    kernels, biases = 9 * width * scale**2, scale**2
    # Before the last convolution: one from 1 to `width` channels, then nine of `width` each.
    frozen = 10 * width + 9 * (9 * width**2 + width)
    likely = {
        "the biases are missing: each filter has one": kernels,
        "a kernel of 3x3 has 9 weights for each channel that comes in":
            [width * biases + biases, 3 * width * biases + biases],
        "each filter has one bias, and not one for each channel that comes in": kernels + width,
        "the last convolution has more filters than one: its channels become the pixels of a block":
            9 * width + 1,
        "a block has scale x scale pixels, so there are that many filters":
            9 * width * scale + scale,
        "the last convolution has one filter for each pixel of a block, and not `width`":
            9 * width**2 + width,
        "the arguments are exchanged: `width` channels come in, and scale x scale go out":
            9 * width**2 * scale + width**2,
        "that is the number for width 64 and scale 4, whatever the arguments are": 9232,
        "these are the parameters that are frozen": frozen,
        "these are all parameters, also those that are frozen": frozen + kernels + biases,
    }
    wrong = found != kernels + biases
    if not wrong.any():
        return
    for problem, mistakes in likely.items():
        if (found == np.atleast_2d(mistakes)).all(axis=1).any():
            raise NotYet(problem)
    first = wrong.argmax()
    raise NotYet(f"for width {width[first]} and scale {scale[first]} you give "
                 f"{found[first]:,.10g} parameters")


@functools.cache
def _batches(side):
    """Three batches of (truth, image) of different sizes and quality, of ``side`` pixels."""
    digits = datasets.mnist().x_test[:17]
    clothes = _clothes()[:17, 28 - side:, 28 - side:]
    digits = digits[:, (28 - side) // 2:, (28 - side) // 2:][:, :side, :side]
    near = 0.7 * clothes + 0.3 * np.roll(clothes, 1, axis=2)
    far = 0.5 * digits + 0.1 + 0.2 * np.roll(digits, 2, axis=1)
    parts = slice(0, 3), slice(3, 5), slice(5, 17)
    return [(truth[part].copy(), image[part].copy()) for truth, image, part in
            ((clothes, near, parts[0]), (digits, far, parts[1]), (clothes, near, parts[2]))]


def check_brought_back(answer):
    """Check the class of a metric; an instance stands for its class."""
    make = type(answer) if isinstance(answer, keras.metrics.Metric) else answer
    metric = call(make)
    if not isinstance(metric, keras.metrics.Metric):
        raise NotYet("expected a class that is derived from keras.metrics.Metric, and "
                     f"`BroughtBack()` gives {type(metric).__name__}")
    batches = _batches(28)
    _compare(_updated(metric, batches[:1]), batches[:1], 3.5, "after one batch")
    _compare(_updated(metric, batches[1:]), batches, 3.5, "after three batches")
    call(metric.reset_state)
    _compare(_updated(metric, batches[1:2]), batches[1:2], 3.5,
             "after reset_state and one more batch", before=batches)
    metric = call(make, 6.5)
    _compare(_updated(metric, batches[:2]), batches[:2], 6.5, "with cycles=6.5")
    for side in (20, 21):
        try:
            value = _updated(call(make), _batches(side))
        except NotYet as problem:
            raise NotYet(f"images of {side}x{side} pixels: {problem}") from problem
        _compare(value, _batches(side), 3.5, f"on images of {side}x{side} pixels")
    moved = [(truth, 0.8 * np.roll(truth, 3, axis=1)) for truth, _ in batches[:1]]
    _compare(_updated(call(make), moved), moved, 3.5, "for images moved by three pixels")
    _check_inside_fit(make, batches)


def _updated(metric, batches):
    """The result of a metric after the batches, as a float."""
    for truth, image in batches:
        call(metric.update_state, keras.ops.convert_to_tensor(truth),
             keras.ops.convert_to_tensor(image))
    return number(call(metric.result))


def _waves(batches):
    """The waves of all truths, of their errors and of all images: (3, n, side, side)."""
    truths, images = (np.concatenate(parts)[..., 0] for parts in zip(*batches, strict=True))
    return np.fft.fft2(np.array([truths, truths - images, images], "float64"))


def _lengths(side):
    """The cycles per image of each wave: (side, side)."""
    cycles = np.fft.fftfreq(side, 1 / side)
    return np.hypot(cycles[:, None], cycles)


def _brought_back(power, chosen):
    """The fraction of the waves ``chosen`` (side, side); ``power`` is as from ``_waves``."""
    truth, error = (power[:2] * chosen).sum(axis=(1, 2, 3))
    return 1 - error / truth


def _compare(value, batches, cycles, when, before=()):
    """Raise NotYet unless ``value`` is right for these batches, as a metric reset after others."""
    waves = _waves(batches)
    power = np.abs(waves) ** 2
    side = power.shape[-1]
    lengths = _lengths(side)
    fine = lengths > cycles
    wanted = _brought_back(power, fine)
    if abs(value - wanted) < 1e-3:
        return
    truth, error, own = (power * fine).sum(axis=(2, 3))  # of each image
    counts = [len(part) for part, _ in batches]
    starts = np.cumsum([0, *counts[:-1]])
    by_batch = [_brought_back(part, fine) for part in np.split(power, starts[1:], axis=1)]
    across = np.abs(np.fft.fftfreq(side, 1 / side))
    down = across[:, None]
    likely = {
        "that is the mean power of each batch: add up the power of all images, since batches "
        "differ in size":
            _brought_back(power / np.repeat(counts, counts)[:, None, None], fine),
        "that is the mean of one fraction per batch: add up the power of all batches first, "
        "then divide once": np.mean(by_batch),
        "that is the mean of one fraction per batch, weighted by its images: add up the power "
        "of all batches first, then divide once": np.average(by_batch, weights=counts),
        "only the last batch counts: add to what was there": by_batch[-1],
        "that is the fraction that is lost: subtract it from 1": 1 - wanted,
        "that is in percent: return a fraction": 100 * wanted,
        "divide the power of the error by that of the truth, and not the other way round":
            1 - truth.sum() / error.sum(),
        "divide by the power of the truth, and not by that of the image":
            1 - error.sum() / own.sum(),
        "that is the mean of one fraction per image: add up the power of all images first, then "
        "divide once": np.mean(1 - error / truth),
        "only the first image of each batch counts": _brought_back(power[:, starts], fine),
        "compare the *error* with the truth: the power of the image says nothing about the place "
        "of its waves": own.sum() / truth.sum(),
        "that is 1 minus the power of the image; take the power of the error, truth minus image":
            1 - own.sum() / truth.sum(),
        "add up powers, the squares of amplitudes, and not the amplitudes":
            _brought_back(np.abs(waves), fine),
        "the power of a wave is the square of its real part plus the square of its imaginary part":
            _brought_back(waves.real**2, fine),
        "that is the fraction over all waves: leave out those of up to `cycles` cycles":
            [_brought_back(power, lengths >= 0), _brought_back(power, lengths > 0)],
        "these are the wrong waves: you use those of up to `cycles` cycles, and the finer ones "
        "are asked for": [_brought_back(power, ~fine), _brought_back(power, ~fine & (lengths > 0))],
        "the cycles of a wave are the length of the pair (down, across), "
        "the root of down squared plus across squared":
            [_brought_back(power, np.maximum(down, across) > cycles),
             _brought_back(power, down + across > cycles)],
        "frequencies are counted from 0 to side - 1; the upper half of them stands for negative "
        "ones, as `np.fft.fftfreq(side, 1 / side)` gives them":
            _brought_back(power, np.hypot(np.arange(side)[:, None], np.arange(side)) > cycles),
        "`ops.fft2` transforms the last two axes: take away the axis of the channel first":
            _brought_back(np.abs(np.fft.ifft(waves, axis=2)) ** 2, fine),
        "`cycles` is ignored: you always begin above 3.5": _brought_back(power, lengths > 3.5),
        "`reset_state` does not set everything back to 0: keep it in weights made by "
        "`add_weight`": _brought_back(np.abs(_waves([*before, *batches])) ** 2, fine),
    }
    for problem, mistakes in likely.items():
        if np.min(np.abs(value - np.array(mistakes))) < 2e-5:
            raise NotYet(problem)
    if wanted < 0 <= value:
        raise NotYet(f"the fraction may be below 0: {when} it is {wanted:.3f}, and not {value:.3f}")
    raise NotYet(f"{when} it gives {value:.3f}, expected {wanted:.3f}")


def _check_inside_fit(make, batches):
    """Raise NotYet unless the metric is right where Keras calls it from a compiled graph."""
    truth, image = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    wanted = _brought_back(np.abs(_waves(batches)) ** 2, _lengths(28) > 3.5)
    inputs = keras.Input(truth.shape[1:])
    model = keras.Model(inputs, keras.layers.Identity()(inputs))
    try:
        model.compile(loss="mse", metrics=[make()], jit_compile=runtime.jit_compile())
        report = model.evaluate(image, truth, batch_size=6, verbose=0, return_dict=True)
        values = np.concatenate([np.ravel(value) for value in report.values()])
    except Exception as failure:
        raise NotYet("called by itself it gives the right numbers, but `evaluate` of a network "
                     f"stops with {type(failure).__name__}: compute with `keras.ops` instead of "
                     "NumPy") from failure
    if not np.isclose(values, wanted, atol=1e-3).any():
        raise NotYet(f"called by itself it gives the right numbers, but in `evaluate` it gives "
                     f"{values[-1]:.3f} instead of {wanted:.3f}: compute with tensors, and keep "
                     "what you need in weights made by `add_weight`")


def check_combine(answer):
    """Check a function of (low_res, digits_output); it must be better than Lanczos."""
    truth = _clothes()
    low_res, digits = block_mean(truth), _digits_output()
    result = array(call(answer, low_res, digits), truth.shape).astype("float32")

    def score(images):
        return metrics.psnr(truth, project(images, low_res)).mean()

    lanczos, combined = score(upscale(low_res, 4, "lanczos")), score(result)
    if combined < lanczos + 0.2:
        raise NotYet(f"after projection it has {combined:.2f} dB, Lanczos has {lanczos:.2f} dB, "
                     f"the digits network {score(digits):.2f} dB; be at least 0.2 dB better than "
                     "Lanczos")
    if combined > 30:
        raise NotYet(f"{combined:.1f} dB is only possible by looking up the test clothes "
                     "themselves: use training or validation images")
    word = ("a weighted mean reaches about 17.2 dB, the mean of similar training images 19 to "
            "20 dB")
    if combined > 20.7:
        fashion = runtime.predict(weights.load_or_train("fashion", progress=False), low_res)
        if np.abs(project(result, low_res) - project(fashion, low_res)).mean() < 0.005:
            raise NotYet("that is the output of `fashion`: find a way without it")
        word = "that is as good as a network; if it uses one, try it without"
    elif _ignores_digits(answer, low_res, result):
        word += "; it does not use `digits_output`: does it get better if it does?"
    return Right(f"{combined:.2f} dB after projection, where Lanczos has {lanczos:.2f} dB ({word})")


def _ignores_digits(answer, low_res, result):
    """Does the answer give the same without the digits network, as far as 20 images show?"""
    try:
        other = array(call(answer, low_res[:20], np.zeros_like(result[:20])))
    except NotYet:
        return False
    return other.shape == result[:20].shape and np.allclose(other, result[:20], atol=1e-5)


CHECKS = {"02.1": check_trained_parameters, "02.2": check_brought_back, "02.3": check_combine}
