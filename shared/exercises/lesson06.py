"""Checks of lesson 06."""

import functools
import math

import keras
import numpy as np

from shared import runtime
from shared.data import patches, pipeline
from shared.data.photos import load_photos
from shared.exercises.verdicts import NotYet, Right, array, call, number
from shared.images import luma, resize
from shared.measures import metrics
from shared.training import loop

CHAINS = {
    "one convolution of 3x3": [(3, 1, 1)],
    "three convolutions of 3x3": [(3, 1, 1)] * 3,
    "kernels of 9, 5 and 5": [(9, 1, 1), (5, 1, 1), (5, 1, 1)],
    "a single layer with a dilation of 2": [(3, 2, 1)],
    "the seven dilated layers of ircnn": [(3, d, 1) for d in (1, 2, 3, 4, 3, 2, 1)],
    "a convolution, pooling by 2, a convolution": [(3, 1, 1), (2, 1, 2), (3, 1, 1)],
    "pooling by 2 and a dilated convolution": [(2, 1, 2), (3, 2, 1)],
    "strides of 3 and 2 and a dilation of 3": [(5, 1, 3), (4, 1, 2), (3, 3, 1), (1, 1, 2)],
    "a way down with three poolings": [(3, 1, 1), (2, 1, 2)] * 3 + [(3, 1, 1)],
}


def _field(chain, adds=lambda kernel, dilation, pixel: (kernel - 1) * dilation * pixel,
           joined=lambda pixel, stride: pixel * stride):
    """Side of the square that a pixel sees. Other functions make the usual mistakes.

    ``adds`` is what a layer adds to the side, on a grid whose pixels are ``pixel`` input pixels
    wide; ``joined`` is that width after a layer.
    """
    side = pixel = 1
    for kernel, dilation, stride in chain:
        side += adds(kernel, dilation, pixel)
        pixel = joined(pixel, stride)
    return side


def _unstrided(chain):
    return [(kernel, dilation, 1) for kernel, dilation, _ in chain]


def _with_own_strides(chain):
    """A chain in which the stride of each layer already counts for the layer itself."""
    for kernel, dilation, stride in chain:
        yield 1, 1, stride
        yield kernel, dilation, 1


def _touched(chain):
    """How many pixels of a line have a weight, when one output pixel is computed."""
    pixels = {0}
    for kernel, dilation, stride in reversed(chain):
        pixels = {stride * p + dilation * k for p in pixels for k in range(kernel)}
    return len(pixels)


# What an answer computes, and what to say about it.
FIELD_MISTAKES = [
    (lambda chain: _field(chain) - 1, "without any layer a pixel sees one pixel, itself"),
    (lambda chain: _field(chain, lambda k, d, pixel: k * d * pixel),
     "a kernel of k adds k - 1 pixels to what is seen already, not k"),
    (lambda chain: sum(k for k, _, _ in chain),
     "a kernel of k adds k - 1 pixels to what is seen already, not k"),
    (lambda chain: sum((k - 1) * d + 1 for k, d, _ in chain),
     "a layer adds to what is seen already; count the middle pixel once"),
    (lambda chain: _field(chain, lambda k, d, pixel: ((k - 1) * d + 1) * pixel) - 1,
     "a layer adds to what is seen already; count the middle pixel once"),
    (lambda chain: _field(chain) + 1, "count the pixel in the middle once, not twice"),
    (lambda chain: (_field(chain) - 1) // 2,
     "that is how far it sees to one side; the whole side of the square is asked for"),
    (lambda chain: _field(chain, lambda k, d, pixel: (k * d - 1) * pixel),
     "k weights with a dilation of d cover (k - 1) * d + 1 pixels, not k * d"),
    (lambda chain: _field(chain, lambda k, d, pixel: (k - 1) * (d + 1) * pixel),
     "a dilation of 1 is a kernel without gaps: its pixels stand 1 apart, not 2"),
    (lambda chain: _field(chain, lambda k, d, pixel: (k - 1) * pixel),
     "a dilation of d puts the weights of a kernel d pixels apart"),
    (lambda chain: _field(chain, joined=lambda pixel, stride: stride),
     "all strides before a layer count, not the last one alone: multiply them"),
    (lambda chain: _field(chain, joined=lambda pixel, stride: pixel + stride - 1),
     "strides multiply: after strides of 3 and 2 a pixel stands for 6, not for 4"),
    (lambda chain: _field(_unstrided(chain)),
     "after a stride of 2 each pixel stands for two of the input, so all later layers see twice "
     "as far"),
    (lambda chain: _field(_unstrided(chain)) * math.prod(stride for _, _, stride in chain),
     "a stride counts for the layers after it, not for those before it"),
    (lambda chain: _field(chain[::-1]),
     "a stride counts for the layers after it, not for those before it"),
    (lambda chain: _field(_with_own_strides(chain)),
     "the stride of a layer counts for the layers after it, not for itself"),
    (lambda chain: _field(chain, lambda k, d, pixel: (k - 1) * (d + pixel - 1)),
     "after a stride a dilation counts in pixels of the coarser grid: multiply the two"),
    (lambda chain: _field(chain, lambda k, d, pixel: (k - 1) * max(d, pixel)),
     "after a stride a dilation counts in pixels of the coarser grid: multiply the two"),
    (_touched,
     "that is the number of pixels that have a weight; the square also holds those between them"),
    (lambda chain: _field(chain) ** 2, "that is the area of the square; its side is asked for"),
    (lambda chain: math.prod(k for k, _, _ in chain),
     "what layers see adds up, it does not multiply"),
]


def check_receptive_field(answer):
    found = {name: number(call(answer, list(chain))) for name, chain in CHAINS.items()}
    wrong = [name for name, chain in CHAINS.items() if abs(found[name] - _field(chain)) > 1e-6]
    if not wrong:
        return
    given = (f"for {wrong[0]} you give {found[wrong[0]]:g}, and one pixel sees "
             f"{_field(CHAINS[wrong[0]])}")
    for mistake, words in FIELD_MISTAKES:
        if all(abs(found[name] - mistake(chain)) < 1e-6 for name, chain in CHAINS.items()):
            raise NotYet(f"{given}: {words}")
    raise NotYet(given)


def _metric_pair(height, width, count, seed):
    """Luma of 8 bits divided by 255, and images near it: also out of range, worse at the border.

    Two float32 arrays (count, height, width, 1).
    """
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 256, (count, height, width, 1)).astype("float32")
    truth[:, : height // 2] = np.where(truth[:, : height // 2] < 128, 0, 255)
    strength = np.linspace(0.6, 6, count)[:, None, None, None]
    image = truth + strength * rng.standard_normal(truth.shape)
    inside = np.zeros(truth.shape, bool)
    inside[:, 2:-2, 2:-2] = True
    image = np.where(inside, image, image + 40 * rng.standard_normal(truth.shape))
    return truth / np.float32(255), (image / 255).astype("float32")


def _psnr_y(truth, image, rounding=np.rint, limits=(0, 255), inside=np.s_[:, 2:-2, 2:-2]):
    """PSNR-Y of each image. Other arguments make the usual mistakes."""
    levels = np.clip(rounding(255 * image.astype("float64")), *limits)
    error = (levels - 255 * truth.astype("float64"))[inside]
    return 10 * np.log10(255**2 / (error**2).mean(axis=(1, 2, 3)))


UNROUNDED = {"rounding": np.positive}  # returns what it is given
UNLIMITED = {"limits": (-np.inf, np.inf)}
METRIC_MISTAKES = [
    (UNROUNDED, "bring the image to 8 bits: round 255 times its values"),
    (UNLIMITED, "an image of 8 bits has values from 0 to 255: clip them"),
    (UNROUNDED | UNLIMITED,
     "bring the image to 8 bits: round 255 times its values, and clip them to 0 to 255"),
    ({"inside": np.s_[:]}, "leave out the border of 2 pixels"),
    ({"inside": np.s_[:, 2:-2]}, "leave out the border at all four sides"),
    ({"inside": np.s_[:, :, 2:-2]}, "leave out the border at all four sides"),
    ({"inside": np.s_[:, 2:, 2:]}, "leave out the border at all four sides"),
    ({"inside": np.s_[:, :-2, :-2]}, "leave out the border at all four sides"),
    ({"inside": np.s_[:, 1:-1, 1:-1]}, "the border is 2 pixels wide, not 1"),
    ({"inside": np.s_[:, 3:-3, 3:-3]}, "the border is 2 pixels wide, not 3"),
    ({"inside": np.s_[:, 4:-4, 4:-4]}, "the border is 2 pixels wide, not 4"),
    ({"rounding": np.floor}, "round to the nearest whole number; do not cut off what follows it"),
    ({"rounding": np.ceil}, "round to the nearest whole number, not always up"),
]
FACTORS = {np.log(10): "decibels use the logarithm to base 10",
           -1: "the sign is turned",
           0.1: "a decibel is a tenth: multiply the logarithm by 10",
           2: "the square is counted twice",
           0.5: "the square is missing: divide 255**2 by the mean squared error, or take 20 times "
                "the logarithm"}


def check_psnr_y_metric(answer):
    for shape in ((24, 20, 3), (18, 30, 5)):
        truth, image = _metric_pair(*shape, seed=1)
        tensors = [keras.ops.convert_to_tensor(values) for values in (truth, image)]
        result = array(call(answer, *tensors))
        if result.size == 1:
            raise NotYet("it returns one number for the whole batch: return the PSNR of each "
                         "image, and Keras takes the mean")
        if result.size == len(truth):
            result = result.reshape(-1)
        _say_what_is_wrong(array(result, (len(truth),)), truth, image)

    inputs = keras.Input((None, None, 1))
    model = keras.Model(inputs, keras.layers.Activation("linear", dtype="float32")(inputs))
    truth, image = _metric_pair(22, 26, 5, seed=2)
    try:
        model.compile(loss="mse", metrics=[answer], jit_compile=runtime.jit_compile())
        scores = model.evaluate(image, truth, batch_size=2, verbose=0, return_dict=True)
    except Exception as error:
        raise NotYet("called with tensors it is right, but Keras cannot use it as a metric: "
                     "compute with `keras.ops` alone, without NumPy, and without a Python loop "
                     "over the images, whose number Keras does not know beforehand") from error
    mean = next(value for name, value in scores.items() if name != "loss")
    if abs(mean - _psnr_y(truth, image).mean()) > 0.02:
        raise NotYet(f"called with tensors it is right, but as a metric it has {mean:.2f} dB "
                     f"instead of {_psnr_y(truth, image).mean():.2f} dB")


def _say_what_is_wrong(result, truth, image):
    """Raise NotYet unless ``result`` is the PSNR-Y of each image."""
    expected = _psnr_y(truth, image)
    if np.allclose(result, expected, atol=0.01):
        return
    given = f"an image with a PSNR-Y of {expected[0]:.2f} dB gets {result[0]:.2f}"
    for options, words in METRIC_MISTAKES:
        if np.allclose(result, _psnr_y(truth, image, **options), atol=0.01):
            raise NotYet(f"{given}: {words}")
    for factor, words in FACTORS.items():
        if np.allclose(result, factor * expected, rtol=1e-3):
            raise NotYet(f"{given}: {words}")
    ratios = 10 ** (expected / 10)  # of 255**2 to the mean squared error
    for mean in (expected.mean(), 10 * np.log10(ratios.mean()),
                 -10 * np.log10((1 / ratios).mean())):
        if np.allclose(result, mean, atol=0.01):
            raise NotYet(f"{given}: each image has a PSNR of its own, so do not average over the "
                         "batch")
    if np.allclose(result, expected - 10 * np.log10(255), atol=0.01):
        raise NotYet(f"{given}: the peak is squared, 255**2")
    if np.allclose(result, 255**2 / ratios, rtol=1e-3):
        raise NotYet(f"{given}: that is the mean squared error; turn it into dB")
    if np.allclose(np.abs(result - expected), 20 * np.log10(255), atol=0.05):
        raise NotYet(f"{given}: the error and the peak must have one unit, grey levels or "
                     "fractions of 255")
    raise NotYet(given)


SIDE = 40  # pixels of a low-resolution crop
PARAMETERS = 13_000
BATCHES = 300  # in the training of a small network
ENOUGH = 0.8  # dB over bicubic


@functools.cache
def validation_crops():
    """Crops of the validation photographs: low resolution in [0, 1], truth in 0 to 255.

    It is the crop of each photograph that varies most: in smooth ones there is nothing to gain.
    """
    chosen = []
    for photo in load_photos("validation").values():
        truth = luma.crop_to_multiple(luma.luma(photo))
        low_res = luma.reduce(truth)
        height, width = low_res.shape[:2]
        crops = [(low_res[top:top + SIDE, left:left + SIDE] / np.float32(255),
                  truth[2 * top:2 * (top + SIDE), 2 * left:2 * (left + SIDE)])
                 for top in range(0, height - SIDE + 1, SIDE)
                 for left in range(0, width - SIDE + 1, SIDE)]
        chosen.append(max(crops, key=lambda crop: np.std(crop[0])))
    return tuple(np.stack(parts) for parts in zip(*chosen, strict=True))


@functools.cache
def _tiles():
    pairs = patches.cut_pairs(load_photos("train").values(), sizes=(0.5,), side=48)
    return patches.cut_tiles(pairs, side=48)


def mean_psnr_y(images):
    """Mean PSNR-Y in dB of luma images in [0, 1] for the crops."""
    return np.mean([metrics.psnr_y(truth, 255 * image)
                    for truth, image in zip(validation_crops()[1], images, strict=True)])


def check_small_network(answer):
    keras.utils.set_random_seed(1)
    model = answer if isinstance(answer, keras.Model) else call(answer)
    if not isinstance(model, keras.Model):
        raise NotYet(f"expected a keras.Model, found {type(model).__name__}"
                     + ("; your function needs a `return`" if model is None else ""))
    low_res = validation_crops()[0]
    for height, width in ((24, 16), (SIDE, SIDE)):
        output = call(model, low_res[:2, :height, :width])
        shape = getattr(output, "shape", type(output).__name__)
        if shape != (2, 2 * height, 2 * width, 1):
            raise NotYet(f"{height}x{width} pixels of luma become {shape}, expected "
                         f"{(2, 2 * height, 2 * width, 1)}")
    if np.median(np.abs(array(output))) > 10:
        raise NotYet("its output has values far above 1: return luma in [0, 1], not in 0 to 255")
    size = model.count_params()
    if size > PARAMETERS:
        raise NotYet(f"it has {size:,} parameters, and at most {PARAMETERS:,} are allowed")
    if not model.trainable_variables:
        raise NotYet("it has no weights to train")

    if not model.compiled:
        model.compile(keras.optimizers.Adam(loop.cosine_rate(BATCHES, 2e-3, warm_up=50)),
                      loss="mae", jit_compile=runtime.jit_compile())
    batches = pipeline.Batches(_tiles(), patches.tile_crops(24), 16, per_epoch=BATCHES, seed=1)
    call(model.fit, batches, verbose=0)
    bicubic = mean_psnr_y(resize.resize(low_res, (2 * SIDE, 2 * SIDE)))
    images = array(runtime.predict(model, low_res), (len(low_res), 2 * SIDE, 2 * SIDE, 1))
    gain = mean_psnr_y(images) - bicubic
    given = f"after {BATCHES} batches it is {abs(gain):.2f} dB"
    if abs(gain) < 0.005:
        raise NotYet(f"{given} from bicubic, so it has learned nothing: its channels may all be "
                     "zero, or its learning rate or its loss may not suit it")
    if gain < 0:
        raise NotYet(f"{given} below bicubic: let it start from bicubic, and learn only what "
                     "bicubic lacks; if it does so, its learning rate may be too large")
    if gain < ENOUGH:
        raise NotYet(f"{given} above bicubic; reach {ENOUGH:g} dB, by another width, depth, "
                     "nonlinearity or learning rate, or by another place to compute at")
    remark = ("on these crops srcnn, which was trained for 14 minutes, is 2.6 dB above bicubic, "
              "and zoom 3.4 dB")
    if gain > 1.8:
        remark = "that is as good as a long training; if it uses a trained network, try it without"
    return Right(f"{gain:.2f} dB above bicubic with {size:,} parameters ({remark})")


CHECKS = {"06.1": check_receptive_field, "06.2": check_psnr_y_metric,
          "06.3": check_small_network}
