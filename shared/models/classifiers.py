"""Classifiers of digits and clothes, and how a frozen one supervises an upscaler.

``classifier_a`` and ``classifier_b`` take images (n, 28, 28, 1) in [0, 1] and return ten logits,
shape (n, 10), in float32. Their architectures differ, so that an image that fools one need not
fool the other. ``low_res_classifier`` classifies the low-resolution image itself. ``supervised``
puts frozen classifiers behind an upscaler, so that their output becomes part of its loss.

Introduced in lesson 04.
"""

import hashlib

import keras
import numpy as np
from keras import layers

from shared import runtime
from shared.models.layers import conv


def classifier_a(name="classifier_a", side=28):
    """Strided convolutions with batch normalisation, then a mean over all positions.

    ``side`` is the height and width of the images. The strides are chosen for images of 28x28
    pixels or fewer.
    """
    image = keras.Input((side, side, 1), name=f"{name}_image")
    x = image
    for width, kernel, strides in ((32, 5, 2), (64, 3, 1), (64, 3, 1), (96, 3, 2), (96, 3, 1)):
        x = conv(width, kernel, strides=strides, use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.3)(x)
    return keras.Model(image, _logits(x), name=name)


def classifier_b(name="classifier_b"):
    """Convolutions of 5x5, max pooling and a dense layer, without normalisation."""
    image = keras.Input((28, 28, 1), name=f"{name}_image")
    x = image
    for width in (24, 48):
        x = conv(width, 5, activation="relu")(x)
        x = conv(width, 5, activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Dropout(0.4)(layers.Flatten()(x))
    x = layers.Dropout(0.4)(layers.Dense(96, activation="relu")(x))
    return keras.Model(image, _logits(x), name=name)


def low_res_classifier(side, name="low_res_classifier"):
    """Ten logits straight from low-resolution images (n, side, side, 1).

    Three convolutions without strides, then a dense layer. The accuracy of this network shows
    how much a low-resolution image says about its class, as far as a network can find out.
    """
    image = keras.Input((side, side, 1), name=f"{name}_image")
    x = image
    for _ in range(3):
        x = conv(64, activation="relu")(x)
    x = layers.Dropout(0.3)(layers.Flatten()(x))
    x = layers.Dropout(0.3)(layers.Dense(128, activation="relu")(x))
    return keras.Model(image, _logits(x), name=name)


def _logits(x):
    return layers.Identity(dtype="float32", name="logits")(layers.Dense(10)(x))


def accuracy(classifier, images, labels):
    """The fraction of ``images`` (n, height, width, 1) classified as their ``labels`` (n,)."""
    return float((classify(classifier, images) == labels).mean())


def classify(classifier, images):
    """The most probable class of each of ``images`` (n, height, width, 1): integers (n,)."""
    return runtime.predict(classifier, images).argmax(axis=1)


def freeze(classifier):
    """Fix all weights of ``classifier``. Returns ``classifier``.

    In Keras, ``trainable = False`` also runs batch normalization in inference mode, even in a
    call with ``training=True``, so that its moving statistics stay as they are. Dropout is not
    affected. The classifier is fixed wherever it is used: as a model of its own and as a part of
    other models.
    """
    classifier.trainable = False
    return classifier


def fingerprint(model):
    """The sha256 of the bytes of all weights, trainable or not, batch statistics included."""
    sha = hashlib.sha256()
    for weights in model.get_weights():
        sha.update(np.ascontiguousarray(weights))
    return sha.hexdigest()


def supervised(upscaler, **classifiers):
    """``upscaler`` with classifiers behind it, whose output trains it. Freezes the classifiers.

    The result maps low-resolution images to a dict: "high_res" is the enlarged images, and the
    keyword of each classifier its logits. Compile the result with one loss per key and
    ``loss_weights``. Gradients pass through the classifiers to the upscaler, but no weight of a
    classifier changes, and no moving statistic of its batch normalization: ``freeze`` fixes
    both. Its dropout acts during training in spite of ``training=False``, since ``fit`` passes
    its own ``training=True`` on to all layers of a functional model. ``keras.Model.save`` saves
    the whole model, still frozen.

        model = supervised(upscaler, digit=classifier)
        model.compile("adam", {"high_res": log_mse, "digit": cross_entropy},
                      loss_weights={"high_res": 1.0, "digit": 0.3})

    Raises ValueError if the upscaler cannot return images of the size that the classifiers take.
    """
    sides = {classifier.input_shape[1] for classifier in classifiers.values()}
    if len(sides) != 1:
        raise ValueError(f"expected classifiers of one image size, found {sorted(sides)}")
    side = sides.pop()
    scale = upscaler.compute_output_shape((1, side, side, 1))[1] // side
    if side % scale:
        raise ValueError(f"an upscaler x{scale} returns no images of {side}x{side}, the size that "
                         f"the classifiers take")
    low_res = keras.Input((side // scale, side // scale, 1), name="low_res")
    high_res = upscaler(low_res)
    heads = {name: freeze(classifier)(high_res, training=False)
             for name, classifier in classifiers.items()}
    return keras.Model(low_res, {"high_res": high_res, **heads}, name=f"supervised_{upscaler.name}")
