"""The recipes of lesson 04: classifiers of digits."""

import keras

from shared.data import datasets, pipeline
from shared.images.degrade import block_mean
from shared.images.resize import upscale
from shared.models import classifiers
from shared.training.recipe import Recipe

CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def classifier_recipe(name, about, data, build, dataset, seed, **warp):
    """The recipe of a classifier of 28x28 images.

    Args:
        name: the network's name.
        about, data, seed: as for ``Recipe``.
        build: function of the name that returns the classifier.
        dataset: zero-argument function that returns the ``datasets.Split``.
        warp: how training images are warped, as for ``pipeline.warped``.
    """
    def batches(networks):
        split = dataset()
        return pipeline.Batches((split.x_train, split.y_train), pipeline.warped(**warp), seed=1)

    return Recipe(
        about=about, data=data, build=lambda networks: build(name), batches=batches,
        measure=lambda model, networks: measure_classifier(dataset(), model),
        epochs=12, seed=seed, loss=CROSS_ENTROPY)


def measure_classifier(split, model):
    """The test figures of a classifier of 28x28 images: a dict.

    "accuracy" is its accuracy on the test images of ``split`` (a ``datasets.Split``), and
    "accuracy_bicubic" that on their block means of 7x7, enlarged by bicubic interpolation.
    """
    bicubic = upscale(block_mean(split.x_test, 4), 4)
    return {"accuracy": classifiers.accuracy(model, split.x_test, split.y_test),
            "accuracy_bicubic": classifiers.accuracy(model, bicubic, split.y_test)}


def low_res_recipe(side):
    """The recipe of a classifier of digits reduced to ``side`` x ``side`` pixels."""
    name, scale = f"reads_{side}x{side}", 28 // side
    warp = pipeline.warped(angle=6.0, scale=0.06, shear=0.06, move=1.0)

    def warped_and_reduced(images, labels, rng):
        images, labels = warp(images, labels, rng)
        return block_mean(images, scale), labels

    def batches(networks):
        digits = datasets.mnist()
        return pipeline.Batches((digits.x_train, digits.y_train), warped_and_reduced,
                                batch_size=128, seed=1)

    def measure(model, networks):
        digits = datasets.mnist()
        low_res = block_mean(digits.x_test, scale)
        return {"accuracy": classifiers.accuracy(model, low_res, digits.y_test)}

    return Recipe(
        about=f"reads digits of {side}x{side} pixels as they are (lesson 04)",
        data="MNIST, 50,000 training images, warped a little, then block means",
        build=lambda networks: classifiers.low_res_classifier(side, name),
        batches=batches, measure=measure, epochs=15, loss=CROSS_ENTROPY)


MNIST_WARPED = "MNIST, 50,000 training images, warped at random"

RECIPES = {
    "classifier_a": classifier_recipe(
        "classifier_a", "reads digits; strides, batch normalisation (lesson 04)", MNIST_WARPED,
        classifiers.classifier_a, datasets.mnist, seed=1),
    "classifier_b": classifier_recipe(
        "classifier_b", "reads digits; 5x5 convolutions, pooling (lesson 04)", MNIST_WARPED,
        classifiers.classifier_b, datasets.mnist, seed=2),
    "reads_7x7": low_res_recipe(7),
    "reads_4x4": low_res_recipe(4),
}
