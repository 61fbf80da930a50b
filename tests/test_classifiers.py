"""Classifiers that are frozen and still teach: what they read, and that they never move."""

import importlib.util

import keras
import numpy as np
import pytest

from shared import classifiers, losses, models, training, weights
from shared.degrade import block_mean

CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@pytest.fixture(scope="module")
def few(digits):
    return digits.x_train[:128], digits.y_train[:128]


def untrained():
    """A classifier whose batch statistics are no longer those it was built with."""
    keras.utils.set_random_seed(5)
    classifier = classifiers.classifier_a()
    rng = np.random.default_rng(5)
    classifier.set_weights([w + 0.02 * rng.normal(size=w.shape).astype("float32")
                            for w in classifier.get_weights()])
    return classifier


def small(classifier, scale=7):
    """An upscaler with ``classifier`` behind it, not compiled; gives both."""
    keras.utils.set_random_seed(6)
    upscaler = models.residual_network(scale, width=8, blocks=1)
    return upscaler, classifiers.supervised(upscaler, digit=classifier)


def learn(model, few, high_res=1.0, digit=1.0, epochs=1, scale=7):
    """Eight batches an epoch; returns the history."""
    batches = training.Batches(few, classifiers.low_and_targets(scale), 16)
    training.compile(model, 8 * epochs, {"high_res": losses.log_mse, "digit": CROSS_ENTROPY},
                     loss_weights={"high_res": high_res, "digit": digit})
    return training.fit(model, batches, epochs, progress=False)


def bits(model):
    return [weight.tobytes() for weight in model.get_weights()]


@pytest.mark.parametrize("build, side", [
    (classifiers.classifier_a, 28), (classifiers.classifier_b, 28),
    (lambda: classifiers.low_reader(7), 7), (lambda: classifiers.low_reader(4), 4)])
def test_a_classifier_gives_ten_float32_logits(build, side):
    policy = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        found = training.predict(build(), np.zeros((3, side, side, 1), "float32"))
    finally:
        keras.mixed_precision.set_dtype_policy(policy)
    assert found.shape == (3, 10)
    again = keras.ops.convert_to_numpy(build()(np.zeros((3, side, side, 1), "float32")))
    assert again.dtype == np.float32


def test_the_two_classifiers_differ_in_shape():
    a, b = classifiers.classifier_a(), classifiers.classifier_b()
    kinds = [{type(layer).__name__ for layer in model.layers} for model in (a, b)]
    assert "BatchNormalization" in kinds[0] and "BatchNormalization" not in kinds[1]
    assert "MaxPooling2D" in kinds[1] and "MaxPooling2D" not in kinds[0]


def test_warping_by_nothing_changes_nothing_and_labels_stay_with_their_images(few):
    images, labels = few
    still = classifiers.warped(angle=0, scale=0, shear=0, move=0)
    found, kept = still(images, labels, np.random.default_rng(0))
    np.testing.assert_allclose(found, images, atol=1e-6)
    np.testing.assert_array_equal(kept, labels)
    assert kept.dtype == np.int32 and found.dtype == np.float32


def test_warping_moves_by_as_much_as_it_says_and_follows_from_its_generator():
    images = np.zeros((300, 28, 28, 1), "float32")
    images[:, 13:15, 13:15] = 1.0
    move = classifiers.warped(angle=0, scale=0, shear=0, move=2)
    found, again = (move(images, np.zeros(300), np.random.default_rng(3))[0] for _ in range(2))
    np.testing.assert_array_equal(found, again)
    place = np.arange(28)
    centre = (found[..., 0].sum(axis=2) * place).sum(axis=1) / found.sum(axis=(1, 2, 3)) - 13.5
    assert np.abs(centre).max() <= 2.01 and centre.min() < -1.8 and centre.max() > 1.8


def test_mirroring_turns_half_of_the_images_round(few):
    images = few[0]
    turn = classifiers.warped(angle=0, scale=0, shear=0, move=0, mirror=True)
    found = turn(images, few[1], np.random.default_rng(0))[0]
    same = np.isclose(found, images, atol=1e-5).all(axis=(1, 2, 3))
    turned = np.isclose(found, images[:, :, ::-1], atol=1e-5).all(axis=(1, 2, 3))
    assert np.all(same | turned) and 0.3 < turned.mean() < 0.7


def test_accuracy_is_the_fraction_of_labels_that_are_read():
    image = keras.Input((28, 28, 1))
    brightness = keras.layers.GlobalAveragePooling2D()(image)  # reads 1 in what is bright
    model = keras.Model(image, keras.ops.concatenate([0.5 - brightness, brightness - 0.5], 1))
    images = np.stack([np.full((28, 28, 1), value, "float32") for value in (0.1, 0.9, 0.8, 0.2)])
    np.testing.assert_array_equal(classifiers.read(model, images), [0, 1, 1, 0])
    assert classifiers.accuracy(model, images, np.array([0, 1, 0, 0])) == 0.75


def test_the_fingerprint_follows_from_every_bit_of_every_weight():
    classifier = untrained()
    assert any("moving_variance" in w.path for w in classifier.non_trainable_variables)
    seen = {classifiers.fingerprint(classifier)}
    assert seen == {classifiers.fingerprint(classifier)}
    exact = classifier.get_weights()
    for place in range(len(exact)):
        changed = [w.copy() for w in exact]
        flat = changed[place].reshape(-1)
        flat[-1] = np.nextafter(flat[-1], np.float32(np.inf))  # the last bit of the last number
        classifier.set_weights(changed)
        seen.add(classifiers.fingerprint(classifier))
    assert len(seen) == len(exact) + 1


def test_the_model_gives_the_image_and_what_is_read_in_it(few):
    classifier = untrained()
    upscaler, model = small(classifier)
    low_res = block_mean(few[0][:5], 7)
    found = model(low_res)
    image = upscaler(low_res)
    for name, wanted in {"high_res": image, "digit": classifier(image, training=False)}.items():
        np.testing.assert_allclose(*map(keras.ops.convert_to_numpy, (found[name], wanted)),
                                   atol=1e-5)


def test_its_loss_is_the_reconstruction_plus_the_weighted_cross_entropy(few):
    images, labels = few
    classifier = untrained()
    upscaler, model = small(classifier)
    training.compile(model, 10, {"high_res": losses.log_mse, "digit": CROSS_ENTROPY},
                     loss_weights={"high_res": 1.0, "digit": 0.3})
    inputs, targets = classifiers.low_and_targets(7)(images, labels, None)
    found = model.evaluate(inputs, targets, batch_size=128, verbose=0, return_dict=True)["loss"]
    image = training.predict(upscaler, inputs)
    logits = training.predict(classifier, image).astype("float64")
    error = np.log(((image - images) ** 2).mean(axis=(1, 2, 3)) + 1e-5)
    share = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wanted = error.mean() - 0.3 * np.log(share[np.arange(128), labels]).mean()
    assert found == pytest.approx(wanted, abs=1e-4)


def test_no_bit_of_the_classifier_moves_while_the_upscaler_learns(few):
    classifier = untrained()
    before, reads = bits(classifier), classifiers.fingerprint(classifier)
    upscaler, model = small(classifier)
    start = bits(upscaler)
    learn(model, few, epochs=2)
    assert bits(classifier) == before and classifiers.fingerprint(classifier) == reads
    assert all(old != new for old, new in zip(start, bits(upscaler), strict=True))
    assert not classifier.trainable_weights
    assert {id(w) for w in model.trainable_weights} == {id(w) for w in upscaler.trainable_weights}


def test_without_the_freezing_weights_and_batch_statistics_do_move(few):
    """What the test before would look like if nothing were frozen."""
    classifier = untrained()
    before = classifier.get_weights()
    upscaler, model = small(classifier)
    classifier.trainable = True
    open_model = keras.Model(model.input, {
        "high_res": (image := upscaler(model.input)), "digit": classifier(image, training=True)})
    learn(open_model, few)
    moved = [np.any(a != b) for a, b in zip(before, classifier.get_weights(), strict=True)]
    assert all(moved)


def test_the_cross_entropy_alone_teaches_the_upscaler(few):
    """With weight 0 on the reconstruction, all that arrives came through the classifier."""
    upscaler, model = small(untrained())
    start = bits(upscaler)
    history = learn(model, few, high_res=0.0, epochs=4)
    assert history["digit_loss"][-1] < history["digit_loss"][0]
    assert all(old != new for old, new in zip(start, bits(upscaler), strict=True))


def test_classifiers_of_other_images_than_the_upscaler_gives_are_refused():
    by_seven = models.residual_network(7, width=4, blocks=1)
    by_eight = models.residual_network(8, width=4, blocks=1)
    a = classifiers.classifier_a()
    with pytest.raises(ValueError, match="by 8 gives no image of 28x28"):
        classifiers.supervised(by_eight, digit=a)
    with pytest.raises(ValueError, match=r"one image size, found \[14, 28\]"):
        classifiers.supervised(by_seven, digit=a, half=classifiers.classifier_a("half", side=14))


def test_a_frozen_classifier_has_the_bits_of_its_file():
    stored = weights.load("classifier_a")  # first: it does not train where there is none
    found = classifiers.frozen("classifier_a")
    assert bits(found) == bits(stored) and not found.trainable_weights


@pytest.mark.parametrize("name, least", [("classifier_a", 0.995), ("classifier_b", 0.994)])
def test_the_shipped_classifiers_read_the_true_test_digits(name, least, digits):
    found = classifiers.accuracy(weights.load(name), digits.x_test, digits.y_test)
    assert found >= least
    assert found == pytest.approx(weights.read_card(name)["test"]["accuracy"], abs=5e-4)


TAKE_UP = """
import pathlib, sys
import keras, numpy as np
import shared
from shared import classifiers, models, losses
work = pathlib.Path(sys.argv[1])
model = keras.saving.load_model(work / "model.keras", safe_mode=True)
assert keras.backend.backend() == sys.argv[2]
given = np.load(work / "given.npz")
targets = {"high_res": given["truth"], "digit": given["digit"]}
found = {name: keras.ops.convert_to_numpy(value)
         for name, value in model(given["low_res"]).items()}
found["loss"] = model.evaluate(given["low_res"], targets, verbose=0, return_dict=True)["loss"]
classifier = model.get_layer("classifier_a")
assert not classifier.trainable_weights
before = classifiers.fingerprint(classifier)
start = model.get_layer("residual_network").get_weights()
model.fit(given["low_res"], targets, batch_size=16, verbose=0)
assert classifiers.fingerprint(classifier) == before
assert all(np.any(a != b) for a, b in
           zip(start, model.get_layer("residual_network").get_weights()))
np.savez(work / "found.npz", **found)
print(before)
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_a_saved_model_is_taken_up_in_a_fresh_process_its_classifier_still_frozen(
        backend, few, tmp_path, run_python):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    images, labels = (array[:32] for array in few)
    classifier = untrained()
    _, model = small(classifier)
    learn(model, few)
    inputs, targets = classifiers.low_and_targets(7)(images, labels, None)
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "given.npz", low_res=inputs, truth=images, digit=targets["digit"])
    printed = run_python(TAKE_UP, tmp_path, backend, KERAS_BACKEND=backend)
    assert printed.strip() == classifiers.fingerprint(classifier)
    found = np.load(tmp_path / "found.npz")
    for name, wanted in model(inputs).items():
        np.testing.assert_allclose(found[name], keras.ops.convert_to_numpy(wanted), atol=1e-4)
    wanted = model.evaluate(inputs, targets, verbose=0, return_dict=True)["loss"]
    assert found["loss"] == pytest.approx(wanted, abs=1e-3)
