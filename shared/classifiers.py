"""Networks that read what a picture shows, and how one of them supervises another.

``classifier_a`` and ``classifier_b`` take images (n, 28, 28, 1) in [0, 1] and give ten logits,
shape (n, 10). They differ in shape, so that what fools one need not fool the other.
``low_reader`` reads the low-resolution image itself. ``supervised`` puts frozen classifiers
behind an upscaler, so that what they read becomes part of its loss.
"""

import hashlib

import keras
import numpy as np
from keras import layers
from scipy import ndimage

from shared import training
from shared.degrade import block_mean
from shared.models import conv


def classifier_a(name="classifier_a", side=28):
    """Strided convolutions with batch normalisation, and a mean over the picture.

    ``side`` is the height and width of the images; the strides suit 28 and less.
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
    """5x5 convolutions, maximum pooling and a dense layer, without normalisation."""
    image = keras.Input((28, 28, 1), name=f"{name}_image")
    x = image
    for width in (24, 48):
        x = conv(width, 5, activation="relu")(x)
        x = conv(width, 5, activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Dropout(0.4)(layers.Flatten()(x))
    x = layers.Dropout(0.4)(layers.Dense(96, activation="relu")(x))
    return keras.Model(image, _logits(x), name=name)


def low_reader(side, name="low_reader"):
    """Reads the low-resolution image as it is, (n, side, side, 1), in ten logits.

    Convolutions without strides and a dense layer: what such a network reads is what the
    low-resolution image tells about its class, as far as a network finds it.
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


def warped(angle=12.0, scale=0.12, shear=0.12, move=2.0, mirror=False):
    """For ``training.Batches``: images turned, scaled, slanted and moved at random.

    Args:
        angle: largest turn, degrees.
        scale: largest change of width and of height, a fraction.
        shear: largest slant, pixels a row.
        move: largest shift along each axis, pixels.
        mirror: left and right change places in half of the images.

    Returns a function of (images, labels, rng) that gives (images, labels).
    """

    def make(images, labels, rng):
        out = np.empty_like(images)
        centre = (np.array(images.shape[1:3]) - 1) / 2
        for image, target in zip(images, out, strict=True):
            turn = np.radians(rng.uniform(-angle, angle))
            grow = rng.uniform(1 - scale, 1 + scale, 2)
            matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            matrix = matrix @ [[1, 0], [rng.uniform(-shear, shear), 1]] @ np.diag(grow)
            offset = centre - matrix @ (centre + rng.uniform(-move, move, 2))
            target[..., 0] = ndimage.affine_transform(image[..., 0], matrix, offset, order=1)
            if mirror and rng.random() < 0.5:
                target[:] = target[:, ::-1].copy()
        return out, labels.astype("int32")

    return make


def accuracy(classifier, images, labels):
    """The fraction of ``images`` (n, 28, 28, 1) that are read as their ``labels`` (n,)."""
    return float((read(classifier, images) == labels).mean())


def read(classifier, images):
    """The class that ``classifier`` reads in each of ``images``, shape (n,)."""
    return training.predict(classifier, images).argmax(axis=1)


def freeze(classifier):
    """Fix all weights of ``classifier`` for good, batch statistics too; returns it."""
    classifier.trainable = False
    return classifier


def frozen(name):
    """The trained classifier of that name, frozen; trained first where there is none.

    It has the weights of ``weights.load(name)``, bit for bit, and computes in the precision
    in force (``training.use_fast_precision``), where that of the file is float32.
    """
    from shared import recipes, weights  # here, because the recipes name these shapes

    trained = weights.load_or_train(name)
    classifier = recipes.build(name)
    classifier.set_weights(trained.get_weights())
    return freeze(classifier)


def fingerprint(model):
    """sha256 over the bytes of every weight, trainable or not, batch statistics included."""
    sha = hashlib.sha256()
    for weights in model.get_weights():
        sha.update(np.ascontiguousarray(weights))
    return sha.hexdigest()


def supervised(upscaler, **classifiers):
    """``upscaler`` with frozen classifiers behind it, to be trained by what they read.

    The result maps low-resolution images to a dict: "high_res", the enhanced images, and for
    each classifier its logits under its keyword. Compile it with a loss for each key and
    ``loss_weights``. Gradients pass through the classifiers to the upscaler; no weight of a
    classifier moves, since ``freeze`` fixes them and ``training=False`` keeps dropout off and
    batch statistics as they are. ``keras.Model.save`` stores all of it, also the freezing.

        model = supervised(upscaler, digit=classifier)
        model.compile("adam", {"high_res": log_mse, "digit": cross_entropy},
                      loss_weights={"high_res": 1.0, "digit": 0.3})

    Raises ValueError where the classifiers' images are not what the upscaler gives.
    """
    sides = {classifier.input_shape[1] for classifier in classifiers.values()}
    if len(sides) != 1:
        raise ValueError(f"expected classifiers of one image size, found {sorted(sides)}")
    side = sides.pop()
    scale = upscaler.compute_output_shape((1, side, side, 1))[1] // side
    if side % scale:
        raise ValueError(f"an upscaler by {scale} gives no image of {side}x{side}, which the "
                         f"classifiers read")
    low_res = keras.Input((side // scale, side // scale, 1), name="low_res")
    high_res = upscaler(low_res)
    heads = {name: freeze(classifier)(high_res, training=False)
             for name, classifier in classifiers.items()}
    return keras.Model(low_res, {"high_res": high_res, **heads}, name=f"supervised_{upscaler.name}")


def low_and_targets(scale, head="digit"):
    """For ``training.Batches`` of (images, labels): block means, and the targets for
    ``supervised``: the images as "high_res", the labels under ``head``."""
    return lambda images, labels, rng: (
        block_mean(images, scale), {"high_res": images, head: labels.astype("int32")})
