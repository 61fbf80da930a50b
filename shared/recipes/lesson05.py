"""The recipes of lesson 05: one network for digits, clothes and drawings; classifiers of clothes.

The network is trained with two frozen classifiers in its loss. Batches take turns: two of
digits and clothes, mixed, from 7x7; one of crops of drawings, from 16x16. A mixed batch has
digits at even indices and clothes at odd ones, so that each classifier reads its own half.
"""

import keras
import numpy as np

from shared import runtime
from shared.data import datasets, drawings, pipeline
from shared.images.degrade import block_mean
from shared.measures import metrics
from shared.models import classifiers, flow, upscalers
from shared.recipes.lesson04 import CROSS_ENTROPY, classifier_recipe
from shared.training.losses import log_mse
from shared.training.recipe import Cycle, Recipe

# The classifiers in the loss, by the name of the output that holds their logits.
HEADS = {"digit": "classifier_a", "clothes": "clothes_a"}
# The classifiers that judge the finished network: the one in its loss, and an independent one.
JUDGES = {"digits": ("classifier_a", "classifier_b"), "clothes": ("clothes_a", "clothes_b")}


def network(baseline, width=96):
    """A network of ``width`` channels; at first its output equals that of ``baseline``.

    ``baseline`` is the trained network of lesson 01, with 64 channels.
    """
    wide = upscalers.residual_network(4, width=width, blocks=8, name="combined_network")
    return upscalers.widened(baseline, wide)


def supervised_by_both(upscaler, networks):
    """``upscaler`` followed by two frozen classifiers: of digits and of clothes.

    The classifier of digits reads the images at even indices, and that of clothes the ones at
    odd indices. Of images larger than 28x28 they read the top left corner, which means nothing:
    give those logits a sample weight of 0.

    Args:
        upscaler: a network x4 of one channel.
        networks: dict with the classifiers of ``HEADS`` by name; they are frozen.

    Returns a model of low-resolution images (n, height, width, 1), n even, with a dict of
    outputs: "high_res" (n, 4 height, 4 width, 1), "digit" and "clothes" (n / 2, 10).
    """
    low_res = keras.Input((None, None, 1), name="low_res")
    high_res = upscaler(low_res)
    outputs = {"high_res": high_res}
    for first, (head, name) in enumerate(HEADS.items()):
        classifier = classifiers.freeze(networks[name])
        outputs[head] = classifier(high_res[first::2, :28, :28], training=False)
    return keras.Model(low_res, outputs, name="supervised")


def mixed(digits, digit_labels, clothes, clothes_labels, rng):
    """For ``pipeline.Batches``: digits and clothes in alternation, shifted, with their labels.

    Args:
        digits, clothes: arrays (n, 28, 28, 1) in [0, 1].
        digit_labels, clothes_labels: arrays (n,).
        rng: a NumPy generator.

    Returns inputs (2 n, 7, 7, 1), a dict of targets and a dict of sample weights for the
    outputs of ``supervised_by_both``.
    """
    low_res, truth = pipeline.shifted()(_alternating(digits, clothes), rng)
    return _with_sample_weights(low_res, truth, digit_labels, clothes_labels, 1.0)


def distilled(digits, digit_labels, clothes, clothes_labels, by_baseline, by_fashion, rng):
    """As ``mixed``, but not shifted, and with targets halfway to the answers of specialists.

    The answer with the smallest expected squared error is the mean of all possible truths. A
    specialist comes close to that mean, while the truth is only one sample (distillation,
    Hinton et al. 2015). All images are uint8.
    """
    low_res, target = halfway(_alternating(digits, clothes),
                              _alternating(by_baseline, by_fashion))
    return _with_sample_weights(low_res, target, digit_labels, clothes_labels, 1.0)


def distilled_clothes(clothes, by_fashion, rng):
    """As ``distilled``, with clothes at all indices; the classifiers' sample weight is 0."""
    return _without_labels(*halfway(clothes, by_fashion))


def unlabelled_drawings(pictures, rng):
    """For ``pipeline.Batches``: crops of drawings; the classifiers' sample weight is 0."""
    return _without_labels(*pipeline.drawing_crops()(pictures, rng))


def halfway(truth, answer):
    """Block means of ``truth``, and the mean of ``truth`` and ``answer``, in [0, 1].

    Both arguments are uint8 arrays of one shape.
    """
    truth, answer = (images / np.float32(255) for images in (truth, answer))
    return block_mean(truth, 4), (truth + answer) / 2


def _alternating(even, odd):
    """Two batches as one: the images of ``even`` at even indices, those of ``odd`` at odd ones."""
    return np.stack([even, odd], axis=1).reshape(-1, *even.shape[1:])


def _without_labels(low_res, truth):
    labels = np.zeros(len(truth) // 2)
    return _with_sample_weights(low_res, truth, labels, labels, 0.0)


def _with_sample_weights(low_res, truth, digit_labels, clothes_labels, weight):
    """Inputs, targets and sample weights; ``weight`` is the sample weight of the classifiers."""
    targets = {"high_res": truth, "digit": digit_labels.astype("int32"),
               "clothes": clothes_labels.astype("int32")}
    sample_weights = {"high_res": np.ones(len(truth), "float32")}
    for head in HEADS:
        sample_weights[head] = np.full(len(digit_labels), weight, "float32")
    return low_res, targets, sample_weights


def mixed_batches(drawing_count=12_000, per_epoch=1000, seed=1, splits=None):
    """Two batches of 32 digits and 32 clothes, and one of 16 crops of drawings, in turn.

    Args:
        drawing_count: how many drawings the crops are from.
        per_epoch: batches per epoch, rounded down to a multiple of 3.
        seed: as for ``pipeline.Batches``.
        splits: the ``datasets.Split`` of digits and that of clothes, if they are already loaded.
    """
    digits, clothes = splits or (datasets.mnist(), datasets.fashion_mnist())
    n = len(digits.x_train)
    arrays = digits.x_train, digits.y_train, clothes.x_train[:n], clothes.y_train[:n]
    pictures = drawings.training_drawings(drawing_count, digits.x_train)
    return pipeline.Turns([
        pipeline.Batches(arrays, mixed, batch_size=32, seed=seed),
        pipeline.Batches(pictures, unlabelled_drawings, batch_size=16, seed=seed),
        pipeline.Batches(arrays, mixed, batch_size=32, seed=seed + 1)], per_epoch)


def distillation_batches(networks, drawing_count=12_000, per_epoch=1250, seed=2):
    """Two batches of ``distilled``, two of ``distilled_clothes`` and one of crops, in turn.

    There are three times as many clothes as digits, because the network is further behind the
    specialist for clothes than behind that for digits.

    Args:
        networks: dict with the specialists, "baseline" and "fashion".
        drawing_count, per_epoch, seed: as for ``mixed_batches``.
    """
    digits, clothes = datasets.mnist(), datasets.fashion_mnist()
    n = len(digits.x_train)
    digit_images, by_baseline = flow.training_pairs(digits.x_train, networks["baseline"], move=0)
    clothes_images, by_fashion = flow.training_pairs(clothes.x_train[:n], networks["fashion"],
                                                     move=0)
    both = (digit_images, digits.y_train, clothes_images, clothes.y_train[:n], by_baseline,
            by_fashion)
    clothes_alone = clothes_images, by_fashion
    pictures = drawings.training_drawings(drawing_count, digits.x_train)
    # Crops come second: Keras learns from the first two batches which sizes vary.
    return pipeline.Turns([
        pipeline.Batches(both, distilled, batch_size=32, seed=seed),
        pipeline.Batches(pictures, unlabelled_drawings, batch_size=16, seed=seed),
        pipeline.Batches(clothes_alone, distilled_clothes, seed=seed),
        pipeline.Batches(both, distilled, batch_size=32, seed=seed + 1),
        pipeline.Batches(clothes_alone, distilled_clothes, seed=seed + 1)], per_epoch)


def measure_combined(model, networks, splits=None):
    """The test figures of the combined network: a dict.

    They are mean PSNR in dB and mean SSIM on test digits, test clothes and digits of fonts, and
    the accuracy of each of ``JUDGES`` on the enlarged digits or clothes.

    Args:
        model: the combined network.
        networks: dict with the classifiers of ``JUDGES`` by name.
        splits: as for ``mixed_batches``.
    """
    figures = {}
    splits = splits or (datasets.mnist(), datasets.fashion_mnist())
    for split, (kind, judges) in zip(splits, JUDGES.items(), strict=True):
        answer = runtime.predict(model, block_mean(split.x_test, 4))
        figures[f"psnr_{kind}"] = float(metrics.psnr(split.x_test, answer).mean())
        figures[f"ssim_{kind}"] = float(metrics.ssim(split.x_test, answer).mean())
        for judge in judges:
            figures[f"accuracy_{judge}"] = classifiers.accuracy(
                networks[judge], answer, split.y_test)
    truth, _ = drawings.font_digits()
    answer = runtime.predict(model, block_mean(truth, 4), 32)
    figures["psnr_fonts"] = float(metrics.psnr(truth, answer).mean())
    figures["ssim_fonts"] = float(metrics.ssim(truth, answer).mean())
    return figures


FASHION_WARPED = "Fashion-MNIST, 55,000 training images, warped at random"
WARP = {"angle": 4, "scale": 0.06, "shear": 0.03, "move": 1.0, "mirror": True}

RECIPES = {
    "clothes_a": classifier_recipe(
        "clothes_a", "reads clothes; the shape of classifier_a (lesson 05)", FASHION_WARPED,
        classifiers.classifier_a, datasets.fashion_mnist, seed=1, **WARP),
    "clothes_b": classifier_recipe(
        "clothes_b", "reads clothes; the shape of classifier_b (lesson 05)", FASHION_WARPED,
        classifiers.classifier_b, datasets.fashion_mnist, seed=2, **WARP),
    "combined": Recipe(
        about="digits, clothes and drawings x4, one network, exactly consistent (lesson 05)",
        data="MNIST and Fashion-MNIST, 50,000 training images each; the drawings of hd; in the "
             "last cycle also the answers of baseline and fashion",
        needs=("baseline", "fashion", "classifier_a", "classifier_b", "clothes_a", "clothes_b"),
        build=lambda networks: supervised_by_both(network(networks["baseline"]), networks),
        batches=lambda networks: mixed_batches(),
        finish=lambda model: upscalers.consistent(
            model.get_layer("combined_network"), 4, "combined"),
        measure=measure_combined,
        epochs=24, peak_rate=1e-3,
        loss={"high_res": log_mse, "digit": CROSS_ENTROPY, "clothes": CROSS_ENTROPY},
        loss_weights={"high_res": 1.0, "digit": 0.1, "clothes": 0.1},
        further_cycles=(Cycle(24, 5e-4, lambda networks: mixed_batches()),
                        Cycle(5, 3e-4, distillation_batches))),
}
