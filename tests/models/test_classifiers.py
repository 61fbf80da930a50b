"""Classifiers: what they return, and that frozen ones train an upscaler and never change."""

import importlib.util

import keras
import numpy as np
import pytest

from shared import runtime
from shared.data import pipeline
from shared.images.degrade import block_mean
from shared.models import classifiers, upscalers
from shared.training import loop, losses, store

CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@pytest.fixture(scope="module")
def some_digits(digits):
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
    """An upscaler, and a model of it with ``classifier`` behind it, not compiled."""
    keras.utils.set_random_seed(6)
    upscaler = upscalers.residual_network(scale, width=8, blocks=1)
    return upscaler, classifiers.supervised(upscaler, digit=classifier)


def learn(model, some_digits, high_res=1.0, digit=1.0, epochs=1, scale=7):
    """Eight batches per epoch; returns the history."""
    batches = pipeline.Batches(some_digits, pipeline.low_and_targets(scale), 16)
    loop.compile_model(model, 8 * epochs, {"high_res": losses.log_mse, "digit": CROSS_ENTROPY},
                       loss_weights={"high_res": high_res, "digit": digit})
    return loop.fit(model, batches, epochs, progress=False)


def bits(model):
    return [weight.tobytes() for weight in model.get_weights()]


@pytest.mark.parametrize("build, side", [
    (classifiers.classifier_a, 28), (classifiers.classifier_b, 28),
    (lambda: classifiers.low_res_classifier(7), 7), (lambda: classifiers.low_res_classifier(4), 4)])
def test_a_classifier_returns_ten_float32_logits_also_in_bfloat16(build, side, mixed_bfloat16):
    classifier = build()
    assert classifier.layers[1].compute_dtype == "bfloat16"
    logits = keras.ops.convert_to_numpy(classifier(np.zeros((3, side, side, 1), "float32")))
    assert logits.shape == (3, 10) and logits.dtype == np.float32


def test_the_classifiers_have_the_parameters_of_lesson_04_and_of_the_cards():
    assert classifiers.classifier_a().count_params() == 196_714
    assert classifiers.classifier_b().count_params() == 328_402
    assert classifiers.low_res_classifier(7).count_params() == 477_322
    assert classifiers.low_res_classifier(4).count_params() == 206_986


def test_accuracy_is_the_fraction_of_images_that_are_classified_as_their_labels():
    image = keras.Input((28, 28, 1))
    brightness = keras.layers.GlobalAveragePooling2D()(image)  # class 1 is what is bright
    model = keras.Model(image, keras.ops.concatenate([0.5 - brightness, brightness - 0.5], 1))
    images = np.stack([np.full((28, 28, 1), value, "float32") for value in (0.1, 0.9, 0.8, 0.2)])
    np.testing.assert_array_equal(classifiers.classify(model, images), [0, 1, 1, 0])
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


def test_the_supervised_model_returns_the_image_and_the_logits_for_it(some_digits):
    classifier = untrained()
    upscaler, model = small(classifier)
    low_res = block_mean(some_digits[0][:5], 7)
    found = model(low_res)
    image = upscaler(low_res)
    for name, wanted in {"high_res": image, "digit": classifier(image, training=False)}.items():
        np.testing.assert_allclose(*map(keras.ops.convert_to_numpy, (found[name], wanted)),
                                   atol=1e-5)


def test_dropout_of_the_classifier_acts_in_training_and_only_there(some_digits):
    """Keras passes the ``training=True`` of ``fit`` on to every layer of the model."""
    _, model = small(untrained())
    low_res = block_mean(some_digits[0][:5], 7)
    logits = {mode: [keras.ops.convert_to_numpy(model(low_res, training=mode)["digit"])
                     for _ in range(2)] for mode in (True, False)}
    np.testing.assert_array_equal(*logits[False])
    assert np.abs(np.subtract(*logits[True])).max() > 1e-3


def test_freezing_alone_keeps_the_moving_statistics_but_not_dropout_off():
    """What lesson 04 says about Keras: three calls of copies of one classifier."""
    image = np.random.default_rng(3).random((8, 28, 28, 1), "float32")
    for frozen, training, changed, repeats in ((False, True, True, False),
                                               (True, True, False, False),
                                               (True, False, False, True)):
        classifier = untrained()
        classifier.trainable = not frozen
        before = classifiers.fingerprint(classifier)
        calls = [keras.ops.convert_to_numpy(classifier(image, training=training))
                 for _ in range(2)]
        assert (classifiers.fingerprint(classifier) != before) == changed
        assert np.array_equal(*calls) == repeats


@pytest.mark.slow
def test_in_fit_a_nested_model_drops_values_unless_it_is_called_inside_a_layer(some_digits):
    class Reading(keras.layers.Layer):
        def __init__(self, classifier):
            super().__init__()
            self.classifier = classifier

        def call(self, images):
            return self.classifier(images, training=False)

    classifier = classifiers.freeze(untrained())
    inputs = keras.Input((28, 28, 1))
    images, labels = some_digits
    varies = []
    for logits in (classifier(inputs, training=False), Reading(classifier)(inputs)):
        model = keras.Model(inputs, logits)
        model.compile(keras.optimizers.SGD(0.0), CROSS_ENTROPY, jit_compile=False)
        history = model.fit(images[:64], labels[:64], epochs=2, verbose=0, shuffle=False)
        varies.append(abs(np.subtract(*history.history["loss"])) > 1e-4)
    assert varies == [True, False]


def test_its_loss_is_the_reconstruction_plus_the_weighted_cross_entropy(some_digits):
    images, labels = some_digits
    classifier = untrained()
    upscaler, model = small(classifier)
    loop.compile_model(model, 10, {"high_res": losses.log_mse, "digit": CROSS_ENTROPY},
                     loss_weights={"high_res": 1.0, "digit": 0.3})
    inputs, targets = pipeline.low_and_targets(7)(images, labels, None)
    found = model.evaluate(inputs, targets, batch_size=128, verbose=0, return_dict=True)["loss"]
    image = runtime.predict(upscaler, inputs)
    logits = runtime.predict(classifier, image).astype("float64")
    error = np.log(((image - images) ** 2).mean(axis=(1, 2, 3)) + 1e-5)
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wanted = error.mean() - 0.3 * np.log(probability[np.arange(128), labels]).mean()
    assert found == pytest.approx(wanted, abs=1e-4)


@pytest.mark.slow
def test_no_bit_of_the_classifier_changes_while_the_upscaler_learns(some_digits):
    classifier = untrained()
    before, fingerprint = bits(classifier), classifiers.fingerprint(classifier)
    upscaler, model = small(classifier)
    start = bits(upscaler)
    learn(model, some_digits, epochs=2)
    assert bits(classifier) == before and classifiers.fingerprint(classifier) == fingerprint
    assert all(old != new for old, new in zip(start, bits(upscaler), strict=True))
    assert not classifier.trainable_weights
    assert {id(w) for w in model.trainable_weights} == {id(w) for w in upscaler.trainable_weights}


@pytest.mark.slow
def test_without_freezing_weights_and_batch_statistics_do_change(some_digits):
    """Shows that the test before this one would fail if nothing were frozen."""
    classifier = untrained()
    before = classifier.get_weights()
    upscaler, model = small(classifier)
    classifier.trainable = True
    open_model = keras.Model(model.input, {
        "high_res": (image := upscaler(model.input)), "digit": classifier(image, training=True)})
    learn(open_model, some_digits)
    moved = [np.any(a != b) for a, b in zip(before, classifier.get_weights(), strict=True)]
    assert all(moved)


@pytest.mark.slow
def test_the_cross_entropy_alone_trains_the_upscaler(some_digits):
    """With weight 0 on the reconstruction, all gradients come through the classifier."""
    upscaler, model = small(untrained())
    start = bits(upscaler)
    history = learn(model, some_digits, high_res=0.0, epochs=4)
    assert history["digit_loss"][-1] < history["digit_loss"][0]
    assert all(old != new for old, new in zip(start, bits(upscaler), strict=True))


def test_classifiers_for_other_sizes_than_the_upscaler_returns_are_refused():
    by_seven = upscalers.residual_network(7, width=4, blocks=1)
    by_eight = upscalers.residual_network(8, width=4, blocks=1)
    a = classifiers.classifier_a()
    with pytest.raises(ValueError, match="x8 returns no images of 28x28"):
        classifiers.supervised(by_eight, digit=a)
    with pytest.raises(ValueError, match=r"one image size, found \[14, 28\]"):
        classifiers.supervised(by_seven, digit=a, half=classifiers.classifier_a("half", side=14))


@pytest.mark.slow
@pytest.mark.parametrize("name, least", [("classifier_a", 0.995), ("classifier_b", 0.994)])
def test_the_shipped_classifiers_are_right_about_the_true_test_digits(name, least, digits):
    found = classifiers.accuracy(store.load(name), digits.x_test, digits.y_test)
    assert found >= least
    assert found == pytest.approx(store.read_card(name)["test"]["accuracy"], abs=5e-4)


TRAIN_ON = """
import pathlib, sys
import keras, numpy as np
from shared.models import classifiers
from shared.training import losses
work = pathlib.Path(sys.argv[1])
model = keras.saving.load_model(work / "model.keras", safe_mode=True)
assert keras.backend.backend() == sys.argv[2]
if sys.argv[2] == "torch":
    model.steps_per_execution = 1  # Keras runs no more at once there; it was saved with 10
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


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_a_saved_model_trains_on_in_a_fresh_process_and_its_classifier_is_still_frozen(
        backend, some_digits, tmp_path, run_python):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    images, labels = (array[:32] for array in some_digits)
    classifier = untrained()
    _, model = small(classifier)
    learn(model, some_digits)
    inputs, targets = pipeline.low_and_targets(7)(images, labels, None)
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "given.npz", low_res=inputs, truth=images, digit=targets["digit"])
    printed = run_python(TRAIN_ON, tmp_path, backend, KERAS_BACKEND=backend)
    assert printed.strip() == classifiers.fingerprint(classifier)
    found = np.load(tmp_path / "found.npz")
    for name, wanted in model(inputs).items():
        np.testing.assert_allclose(found[name], keras.ops.convert_to_numpy(wanted), atol=1e-4)
    wanted = model.evaluate(inputs, targets, verbose=0, return_dict=True)["loss"]
    assert found["loss"] == pytest.approx(wanted, abs=1e-3)
