"""The recipes of classifiers, of lessons 04 and 05: how images are warped, labels, accuracy."""

import keras
import numpy as np
import pytest

from shared import recipes
from shared.data import datasets, pipeline
from shared.images.degrade import block_mean
from shared.images.resize import upscale
from shared.models import classifiers
from shared.recipes import lesson04
from shared.training import store

COUNT = 300  # how often a picture is warped


@pytest.fixture(autouse=True)
def read_once(digits, clothes, monkeypatch):
    monkeypatch.delenv("ZOOM_DATA", raising=False)
    splits = {"mnist": digits, "fashion_mnist": clothes}
    monkeypatch.setattr(datasets, "_split", lambda name, first: splits[name])


def blob(x, y, side=28):
    """A picture with one round spot at (x, y)."""
    rows, columns = np.mgrid[:side, :side]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)[..., None].astype("float32")


def centres(images):
    """The centre of mass of each image as x and y in pixels of 28x28: (n, 2)."""
    side = images.shape[1]
    at = (np.arange(side) + 0.5) * 28 / side - 0.5
    mass = images[..., 0].sum(axis=(1, 2))
    return np.stack([(images[..., 0] * at[None, None, :]).sum(axis=(1, 2)) / mass,
                     (images[..., 0] * at[None, :, None]).sum(axis=(1, 2)) / mass], axis=1)


def warps(name):
    """How the recipe warps ``COUNT`` images, measured by where it moves three spots.

    A dict of arrays (COUNT,): angle in degrees, scale, shear, move, and whether it is mirrored.
    """
    batches = recipes.recipe(name).batches({})
    spots, moved_spots = np.array([[9.0, 10.0], [18.5, 10.0], [13.5, 19.0]]), []
    for x, y in spots:  # each spot is warped by the same random numbers
        images = np.broadcast_to(blob(x, y), (COUNT, 28, 28, 1))
        warped, _ = batches.make(images, np.zeros(COUNT), np.random.default_rng(0))
        moved_spots.append(centres(warped))

    def map_back(moved):
        """The affine map from the pixels of a warped image to those of the original, (2, 3)."""
        rows_first = np.column_stack([moved[:, ::-1], np.ones(3)])  # as in pipeline.warped
        return np.linalg.solve(rows_first, spots[:, ::-1]).T

    result = {key: np.empty(COUNT) for key in ("angle", "scale", "shear", "move", "mirrored")}
    for i, moved in enumerate(np.stack(moved_spots, axis=1)):
        matrix = map_back(moved)
        result["mirrored"][i] = mirrored = np.linalg.det(matrix[:, :2]) < 0
        if mirrored:
            matrix = map_back(np.stack([27 - moved[:, 0], moved[:, 1]], axis=1))
        # A rotation, a shear of columns, and a scale along each axis, one after the other.
        turn = np.arctan2(-matrix[0, 1], matrix[1, 1])
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        rest = rotation.T @ matrix[:, :2]
        middle = np.array([13.5, 13.5])
        shift = np.linalg.solve(matrix[:, :2], middle - matrix @ [*middle, 1])
        result["angle"][i] = np.degrees(turn)
        result["scale"][i] = max(np.diag(rest) - 1, key=abs)
        result["shear"][i] = rest[1, 0] / rest[0, 0]
        result["move"][i] = max(shift, key=abs)
    return result


@pytest.mark.parametrize("name, limits, mirrored", [
    *((name, {"angle": 12, "scale": 0.12, "shear": 0.12, "move": 2}, 0)
      for name in ("classifier_a", "classifier_b")),
    *((name, {"angle": 4, "scale": 0.06, "shear": 0.03, "move": 1}, 0.5)
      for name in ("clothes_a", "clothes_b")),
    ("reads_7x7", {"angle": 6, "scale": 0.06, "shear": 0.06, "move": 1}, 0)])
def test_training_images_are_warped_up_to_their_limits_and_only_clothes_mirrored(
        name, limits, mirrored):
    measured = warps(name)
    for key, limit in limits.items():
        largest = np.abs(measured[key]).max()
        assert 0.93 * limit < largest < 1.1 * limit, key
        assert measured[key].min() < 0 < measured[key].max()
    assert abs(measured["mirrored"].mean() - mirrored) <= (0.1 if mirrored else 0)


@pytest.mark.parametrize("name", ["classifier_a", "classifier_b", "clothes_a", "clothes_b"])
def test_the_labels_are_those_of_the_warped_images(name):
    images, labels = recipes.recipe(name).batches({})[0]
    assert np.issubdtype(labels.dtype, np.integer)
    assert classifiers.accuracy(store.load(name), images, labels) > 0.85


@pytest.mark.parametrize("side", [7, 4])
def test_a_classifier_of_small_digits_learns_from_block_means_of_warped_digits(side):
    batches = recipes.recipe(f"reads_{side}x{side}").batches({})
    images, labels = (array[:128] for array in batches.arrays)
    small, small_labels = batches.make(images, labels, np.random.default_rng(0))
    warped, _ = pipeline.warped(angle=6.0, scale=0.06, shear=0.06, move=1.0)(
        images, labels, np.random.default_rng(0))
    np.testing.assert_array_equal(small, block_mean(warped, 28 // side))
    np.testing.assert_array_equal(small_labels, labels)


def classifier_of_brightness(side=28):
    """A stand-in for a classifier: class 1 for light images, class 0 for dark ones."""
    image = keras.Input((side, side, 1))
    mean = keras.layers.GlobalAveragePooling2D()(image)
    logits = keras.layers.Dense(2)
    model = keras.Model(image, logits(mean))
    logits.set_weights([np.float32([[-1, 1]]), np.float32([0.1, -0.1])])  # apart at 0.1
    return model


def test_a_classifier_is_measured_on_true_images_and_on_bicubic_enlargements(digits):
    model = classifier_of_brightness()
    split = digits._replace(x_test=digits.x_test[:300])
    split = split._replace(y_test=(split.x_test.mean(axis=(1, 2, 3)) > 0.1).astype("uint8"))
    figures = lesson04.measure_classifier(split, model)
    assert figures["accuracy"] == 1
    enlarged = upscale(block_mean(split.x_test, 4), 4)
    wanted = ((enlarged.mean(axis=(1, 2, 3)) > 0.1) == split.y_test).mean()
    assert figures["accuracy_bicubic"] == pytest.approx(wanted, abs=0.01)


def test_bicubic_enlargements_are_judged_and_not_the_truth(digits):
    split = digits._replace(x_test=digits.x_test[:500], y_test=digits.y_test[:500])
    figures = lesson04.measure_classifier(split, store.load("classifier_a"))
    assert figures["accuracy"] > 0.98 > 0.7 > figures["accuracy_bicubic"]


@pytest.mark.parametrize("side", [7, 4])
def test_a_classifier_of_small_digits_is_measured_on_block_means(side, digits, monkeypatch):
    light = (digits.x_test[:300].mean(axis=(1, 2, 3)) > 0.1).astype("uint8")
    small = digits._replace(x_test=digits.x_test[:300], y_test=light)
    monkeypatch.setattr(datasets, "_split", lambda name, first: small)
    figures = recipes.recipe(f"reads_{side}x{side}").measure(classifier_of_brightness(side), {})
    assert figures == {"accuracy": pytest.approx(1, abs=0.01)}


@pytest.mark.parametrize("name, split", [("classifier_a", "mnist"), ("classifier_b", "mnist"),
                                         ("clothes_a", "fashion_mnist"),
                                         ("clothes_b", "fashion_mnist")])
def test_each_classifier_is_measured_on_its_own_test_images(name, split, monkeypatch):
    measured = []
    monkeypatch.setattr(lesson04, "measure_classifier",
                        lambda split, model: measured.append((split, model)))
    monkeypatch.setattr(datasets, "_split", lambda name, first: name)
    recipes.recipe(name).measure("the network", {})
    assert measured == [(split, "the network")]
