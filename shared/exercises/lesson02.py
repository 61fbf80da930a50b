"""Checks of lesson 02."""

import functools
import inspect

import keras
import numpy as np

from shared import runtime, weights
from shared.data import datasets
from shared.exercises.verdicts import NotYet, Right, array, call, number
from shared.images.degrade import block_mean, project
from shared.images.resize import upscale
from shared.measures import metrics, spectrum


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
    sizes = [(64, 4), (64, 2), (16, 4), (10, 3)]
    found = {size: number(call(answer, *size)) for size in sizes}
    likely = {
        "the biases are missing: each filter has one":
            lambda width, scale: 9 * width * scale**2,
        "a kernel of 3x3 has 9 weights for each channel that comes in":
            (lambda width, scale: width * scale**2 + scale**2,
             lambda width, scale: 3 * width * scale**2 + scale**2),
        "each filter has one bias, and not one for each channel that comes in":
            lambda width, scale: 9 * width * scale**2 + width,
        "the last convolution has more filters than one: its channels become the pixels of a block":
            lambda width, scale: 9 * width + 1,
        "a block has scale x scale pixels, so there are that many filters":
            lambda width, scale: 9 * width * scale + scale,
        "the last convolution has one filter for each pixel of a block, and not `width`":
            lambda width, scale: 9 * width**2 + width,
        "arguments are exchanged: `width` channels come in, and scale x scale go out":
            lambda width, scale: 9 * width**2 * scale + width**2,
        "that is the number for width 64 and scale 4, whatever the arguments are":
            lambda width, scale: 9232,
        "these are the parameters that are frozen":
            lambda width, scale: _before_the_last(width),
        "these are all parameters, also those that are frozen":
            lambda width, scale: _before_the_last(width) + 9 * width * scale**2 + scale**2,
    }
    wanted = {(width, scale): 9 * width * scale**2 + scale**2 for width, scale in sizes}
    if found == wanted:
        return
    for problem, formulas in likely.items():
        for formula in formulas if isinstance(formulas, tuple) else (formulas,):
            if found == {size: formula(*size) for size in sizes}:
                raise NotYet(problem)
    for (width, scale), value in found.items():
        if value != wanted[width, scale]:
            raise NotYet(f"for width {width} and scale {scale} you give {value:,.10g} parameters")


def _before_the_last(width, blocks=4):
    """The parameters of a ``residual_network`` without those of its last convolution."""
    convolution = 9 * width**2 + width
    return 9 * width + width + (2 * blocks + 1) * convolution


def _fine_power(images, cycles):
    """The power of each image in the waves of more than ``cycles`` cycles per image: (n,)."""
    return spectrum.radial_power(images)[:, int(np.ceil(cycles)):].sum(axis=1)


def _brought_back(pairs, cycles):
    power = np.concatenate([_fine_power(truth, cycles) for truth, _ in pairs])
    error = np.concatenate([_fine_power(truth - image, cycles) for truth, image in pairs])
    return power, error


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
    make = answer if inspect.isclass(answer) or not isinstance(answer, keras.metrics.Metric) \
        else type(answer)
    try:
        metric = call(make)
    except NotYet as problem:
        if inspect.isclass(make) or "TypeError" not in str(problem):
            raise
        raise NotYet("expected a class that is derived from keras.metrics.Metric, found "
                     f"{type(make).__name__}") from problem
    if not isinstance(metric, keras.metrics.Metric):
        raise NotYet("expected a class that is derived from keras.metrics.Metric, and "
                     f"`BroughtBack()` gives {type(metric).__name__}")
    batches = _batches(28)
    _compare(_updated(metric, batches[:1]), batches[:1], 3.5, "after one batch")
    _compare(_updated(metric, batches[1:]), batches, 3.5, "after three batches", several=True)
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
    for truth, image in batches:
        call(metric.update_state, keras.ops.convert_to_tensor(truth),
             keras.ops.convert_to_tensor(image))
    return number(call(metric.result))


def _compare(value, batches, cycles, when, several=False, before=()):
    power, error = _brought_back(batches, cycles)
    wanted = 1 - error.sum() / power.sum()
    if abs(value - wanted) < 1e-3:
        return
    truths = np.concatenate([truth for truth, _ in batches])
    images = np.concatenate([image for _, image in batches])
    sizes = np.cumsum([len(truth) for truth, _ in batches])[:-1]
    by_batch = [1 - e.sum() / p.sum() for p, e in
                zip(np.split(power, sizes), np.split(error, sizes), strict=True)]
    own = _fine_power(images, cycles).sum()
    first = [0, *sizes]
    side = truths.shape[1]
    lengths, real = _lengths(side), np.fft.fft2([truths[..., 0], (truths - images)[..., 0]]).real
    across = np.abs(np.fft.fftfreq(side, 1 / side))
    down = across[:, None]
    likely = {
        "that is the fraction that is lost: subtract it from 1": 1 - wanted,
        "that is in percent: return a fraction": 100 * wanted,
        "divide the power of the error by that of the truth, and not the other way round":
            1 - power.sum() / error.sum(),
        "divide by the power of the truth, and not by that of the image": 1 - error.sum() / own,
        "that is the mean of one fraction per image: add up the power of all images first, then "
        "divide once": np.mean(1 - error / power),
        "only the first image of each batch counts": 1 - error[first].sum() / power[first].sum(),
        "compare the *error* with the truth: the power of the image says nothing about the place "
        "of its waves": own / power.sum(),
        "that is 1 minus the power of the image; take the power of the error, truth minus image":
            1 - own / power.sum(),
        "add up powers, the squares of amplitudes, and not the amplitudes":
            1 - _amplitudes(truths - images, cycles) / _amplitudes(truths, cycles),
        "the power of a wave is the square of its real part plus the square of its imaginary part":
            1 - (real[1]**2 * (lengths > cycles)).sum() / (real[0]**2 * (lengths > cycles)).sum(),
        "that is the fraction over all waves: leave out those of up to `cycles` cycles":
            (_fraction(truths, images, lengths >= 0), _fraction(truths, images, lengths > 0)),
        "the waves are the wrong ones: you use those of up to `cycles` cycles, asked for are the "
        "finer ones": (_fraction(truths, images, lengths <= cycles),
                       _fraction(truths, images, (lengths <= cycles) & (lengths > 0))),
        "the cycles of a wave are the length of the pair (down, across), "
        "the root of down squared plus across squared":
            (_fraction(truths, images, np.maximum(down, across) > cycles),
             _fraction(truths, images, down + across > cycles)),
        "frequencies are counted from 0 to side - 1; the upper half of them stands for negative "
        "ones, as `np.fft.fftfreq(side, 1 / side)` gives them": _fraction(
            truths, images, np.hypot(np.arange(side)[:, None], np.arange(side)) > cycles),
    }
    if cycles != 3.5:
        power, error = _brought_back(batches, 3.5)
        likely["`cycles` is ignored: you always begin above 3.5"] = 1 - error.sum() / power.sum()
    if several:
        likely = {
            "that is the mean power of each batch: add up the power of all images, since batches "
            "differ in size": 1 - (sum(part.mean() for part in np.split(error, sizes))
                                   / sum(part.mean() for part in np.split(power, sizes))),
            "that is the mean of one fraction per batch: add up the power of all batches first, "
            "then divide once": np.mean(by_batch),
            "that is the mean of one fraction per batch, weighted by its images: add up the power "
            "of all batches first, then divide once": np.average(
                by_batch, weights=[len(truth) for truth, _ in batches]),
            "only the last batch counts: add to what was there": by_batch[-1], **likely}
    if before:
        power, error = _brought_back([*before, *batches], 3.5)
        likely["`reset_state` does not set everything back to 0: keep it in weights made by "
               "`add_weight`"] = 1 - error.sum() / power.sum()
    for problem, mistakes in likely.items():
        if np.min(np.abs(value - np.array(mistakes))) < 2e-5:
            raise NotYet(problem)
    if wanted < 0 <= value:
        raise NotYet(f"the fraction may be below 0: {when} it is {wanted:.3f}, and not {value:.3f}")
    raise NotYet(f"{when} it gives {value:.3f}, expected {wanted:.3f}")


def _lengths(side):
    cycles = np.fft.fftfreq(side, 1 / side)
    return np.hypot(cycles[:, None], cycles)


def _amplitudes(images, cycles):
    waves = np.abs(np.fft.fft2(images[..., 0]))
    return (waves * (_lengths(waves.shape[1]) > cycles)).sum()


def _fraction(truths, images, chosen):
    """What is brought back of the waves that ``chosen`` (side, side) selects."""
    power, error = (np.abs(np.fft.fft2(part[..., 0]) * chosen) ** 2
                    for part in (truths, truths - images))
    return 1 - error.sum() / power.sum()


def _check_inside_fit(make, batches):
    """Keras calls the metric from a compiled graph."""
    truth, image = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    power, error = _brought_back(batches, 3.5)
    inputs = keras.Input(truth.shape[1:])
    model = keras.Model(inputs, keras.layers.Identity(dtype="float32")(inputs))
    try:
        model.compile(loss="mse", metrics=[make()], jit_compile=runtime.jit_compile())
        report = model.evaluate(image, truth, batch_size=6, verbose=0, return_dict=True)
        values = np.concatenate([np.ravel(value) for value in report.values()])
    except Exception as failure:
        raise NotYet("called by itself it gives the right numbers, but `evaluate` of a network "
                     f"stops with {type(failure).__name__}: compute with `keras.ops` instead of "
                     "NumPy") from failure
    wanted = 1 - error.sum() / power.sum()
    if not np.isclose(values, wanted, atol=1e-3).any():
        raise NotYet(f"called by itself it gives the right numbers, but in `evaluate` it gives "
                     f"{values[-1]:.3f} instead of {wanted:.3f}: compute with tensors, and keep "
                     "what you need in weights made by `add_weight`")


def check_combine(answer):
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
            raise NotYet("that is the output of `fashion`, and asked for is a way without it")
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
