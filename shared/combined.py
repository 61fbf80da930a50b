"""One network for digits and clothes, 7x7 and 28x28, under two frozen classifiers (lesson 05).

Batches take turns: two of digits and clothes, mixed, from 7x7; one of crops of drawings,
from 16x16.
In a mixed batch digits lie at the even places and clothes at the odd ones, so that each
classifier reads its own half.
"""

import keras
import numpy as np

from shared import classifiers, datasets, flow, metrics, models, training, vector, weights
from shared.degrade import block_mean

CLASSIFIERS = {"digit": "classifier_a", "clothes": "clothes_a"}


def network(width=96, blocks=8, start="baseline"):
    """A residual network that begins with what ``start``, of the same depth, knows."""
    new = models.residual_network(4, width=width, blocks=blocks, name="combined_network")
    return models.widened(weights.load_or_train(start), new) if start else new


def supervised(upscaler):
    """``upscaler`` behind which ``classifier_a`` reads even places, ``clothes_a`` odd ones.

    Where an image is larger than 28x28 they read its corner; give those weight 0.
    """
    low_res = keras.Input((None, None, 1), name="low_res")
    high_res = upscaler(low_res)
    heads = {}
    for first, (name, classifier) in enumerate(CLASSIFIERS.items()):
        frozen = classifiers.freeze(weights.load_or_train(classifier))
        heads[name] = frozen(high_res[first::2, :28, :28], training=False)
    return keras.Model(low_res, {"high_res": high_res, **heads}, name="supervised")


def mixed(digits, digit, clothes, cloth, rng):
    """For ``training.Batches``: digits and clothes in turn, with their labels."""
    low_res, truth = training.shifted()(_in_turn(digits, clothes), rng)
    return _weighed(low_res, truth, digit, cloth, 1.0)


def taught(digits, digit, clothes, cloth, by_baseline, by_fashion, rng):
    """As ``mixed``, unmoved; the target lies halfway from the truth to a specialist's answer.

    By squared error the mean of all that is possible is the best single answer; a specialist
    comes near it, the truth is one draw (distillation, Hinton et al. 2015). uint8 images.
    """
    low_res, target = halfway(_in_turn(digits, clothes), _in_turn(by_baseline, by_fashion))
    return _weighed(low_res, target, digit, cloth, 1.0)


def taught_clothes(clothes, by_fashion, rng):
    """As ``taught``, with clothes at all places, which nobody reads."""
    return _unread(*halfway(clothes, by_fashion))


def drawn(pictures, rng):
    """For ``training.Batches``: crops of drawings, which nobody reads."""
    return _unread(*training.crops()(pictures, rng))


def _in_turn(evens, odds):
    """Two batches as one, an image of each in turn."""
    return np.stack([evens, odds], axis=1).reshape(-1, *evens.shape[1:])


def halfway(truth, answer):
    """Block means of ``truth`` and what lies between it and ``answer``, both of uint8."""
    truth, answer = (images / np.float32(255) for images in (truth, answer))
    return block_mean(truth, 4), (truth + answer) / 2


def _unread(low_res, truth):
    nothing = np.zeros(len(truth) // 2)
    return _weighed(low_res, truth, nothing, nothing, 0.0)


def _weighed(low_res, truth, digit, cloth, weight):
    given = {"high_res": np.ones(len(truth), "float32")}
    given |= dict.fromkeys(CLASSIFIERS, np.full(len(digit), weight, "float32"))
    return low_res, {"high_res": truth, "digit": digit.astype("int32"),
                     "clothes": cloth.astype("int32")}, given


def batches(drawings=12_000, per_epoch=1000, seed=1, splits=None):
    """Batches of 32 digits with 32 clothes, of 16 crops, of digits with clothes, in turn.

    ``splits``: the digits and the clothes, where the caller has loaded them already.
    """
    digits, clothes = splits or (datasets.mnist(), datasets.fashion_mnist())
    n = len(digits.x_train)
    arrays = digits.x_train, digits.y_train, clothes.x_train[:n], clothes.y_train[:n]
    pictures = vector.pictures(drawings, digits.x_train)
    return training.Turns([training.Batches(arrays, mixed, batch_size=32, seed=seed),
                           training.Batches(pictures, drawn, batch_size=16, seed=seed),
                           training.Batches(arrays, mixed, batch_size=32, seed=seed + 1)],
                          per_epoch)


def taught_batches(drawings=12_000, per_epoch=1250, seed=2):
    """Two batches of ``taught``, two of ``taught_clothes`` and one of crops, in turn.

    Clothes come thrice as often as digits, because they lag behind their specialist.
    """
    digits, clothes = datasets.mnist(), datasets.fashion_mnist()
    n = len(digits.x_train)
    (digit, by_baseline), (cloth, by_fashion) = (
        flow.pairs(images, weights.load_or_train(name), move=0)
        for name, images in (("baseline", digits.x_train), ("fashion", clothes.x_train[:n])))
    both = digit, digits.y_train, cloth, clothes.y_train[:n], by_baseline, by_fashion
    alone = cloth, by_fashion
    pictures = vector.pictures(drawings, digits.x_train)
    # Crops second: Keras learns from the first two batches which sizes vary.
    return training.Turns([training.Batches(both, taught, batch_size=32, seed=seed),
                           training.Batches(pictures, drawn, batch_size=16, seed=seed),
                           training.Batches(alone, taught_clothes, seed=seed),
                           training.Batches(both, taught, batch_size=32, seed=seed + 1),
                           training.Batches(alone, taught_clothes, seed=seed + 1)], per_epoch)


def measure(model, splits=None):
    """PSNR, SSIM and what the judges read, on test digits, test clothes and font digits.

    ``splits``: as in ``batches``.
    """
    found = {}
    splits = splits or (datasets.mnist(), datasets.fashion_mnist())
    judges_of = {"digits": ("classifier_a", "classifier_b"), "clothes": ("clothes_a", "clothes_b")}
    for split, (name, judges) in zip(splits, judges_of.items(), strict=True):
        answer = training.predict(model, block_mean(split.x_test, 4))
        found[f"psnr_{name}"] = float(metrics.psnr(split.x_test, answer).mean())
        found[f"ssim_{name}"] = float(metrics.ssim(split.x_test, answer).mean())
        for judge in judges:
            found[f"accuracy_{judge}"] = classifiers.accuracy(
                weights.load_or_train(judge), answer, split.y_test)
    truth, _ = vector.font_digits()
    answer = training.predict(model, block_mean(truth, 4), 32)
    found["psnr_fonts"] = float(metrics.psnr(truth, answer).mean())
    found["ssim_fonts"] = float(metrics.ssim(truth, answer).mean())
    return found
