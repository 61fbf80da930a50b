"""The network of lesson 05: exactly consistent, widened without a change, taught in turns."""

import keras
import numpy as np
import pytest

from shared import combined, models, training
from shared.classifiers import fingerprint
from shared.degrade import block_mean, project
from shared.recipes import RECIPES


@pytest.fixture
def small():
    keras.utils.set_random_seed(0)
    return models.residual_network(4, width=6, blocks=2, name="small")


def test_the_layer_is_the_projection(small, tmp_path):
    low_res = np.random.default_rng(0).random((3, 5, 7, 1), "float32")
    model = models.consistent(small, 4, "honest")
    answer = training.predict(model, low_res)
    np.testing.assert_allclose(answer, project(training.predict(small, low_res), low_res),
                               atol=1e-6)
    np.testing.assert_allclose(block_mean(answer, 4), low_res, atol=1e-6)
    assert answer.min() >= 0 and answer.max() <= 1


def test_a_consistent_network_loads_in_a_fresh_process(small, after_loading):
    low_res = np.random.default_rng(0).random((2, 6, 6, 1), "float32")
    model = models.consistent(small, 4, "honest")
    found = after_loading({"honest": model}, low_res, "models")["honest"]
    np.testing.assert_allclose(found, training.predict(model, low_res), atol=1e-5)


def test_the_layer_takes_any_size_and_passes_gradients_where_nothing_is_clipped():
    layer = models.Consistent(2)
    assert layer.compute_output_shape([(None, 8, 6, 1), (None, 4, 3, 1)]) == (None, 8, 6, 1)
    inputs = keras.Input((None, None, 1)), keras.Input((None, None, 1))
    model = keras.Model(inputs, layer(list(inputs)))
    image = np.full((1, 4, 4, 1), 0.5, "float32")
    image[0, 0, 0] = 0.75
    low_res = np.full((1, 2, 2, 1), 0.5, "float32")
    answer = model.predict_on_batch([image, low_res])
    np.testing.assert_allclose(answer[0, :2, :2, 0], [[0.6875, 0.4375], [0.4375, 0.4375]],
                               atol=1e-6)


def test_a_widened_network_computes_the_same_and_its_new_channels_are_alive(small):
    low_res = np.random.default_rng(1).random((2, 7, 7, 1), "float32")
    wider = models.widened(small, models.residual_network(4, width=10, blocks=2, name="wide"))
    np.testing.assert_allclose(training.predict(wider, low_res), training.predict(small, low_res),
                               atol=1e-6)
    first = wider.get_weights()[0]
    assert first.shape[-1] == 10 and np.abs(first[..., 6:]).min(axis=(0, 1, 2)).all()


def test_widening_needs_the_same_depth(small):
    deeper = models.residual_network(4, width=10, blocks=3, name="deeper")
    with pytest.raises(ValueError):
        models.widened(small, deeper)


def counted(start):
    def make(truth, rng):
        return block_mean(truth, 4), truth

    values = np.arange(start, start + 8, dtype="float32")
    return training.Batches(np.broadcast_to(values[:, None, None, None], (8, 4, 4, 1)), make,
                            batch_size=2, seed=start)


def test_turns_take_one_batch_of_each_part_and_go_through_all_of_them():
    turns = training.Turns([counted(0), counted(100)], per_epoch=5)
    assert len(turns) == 4
    seen = []
    for epoch in range(2):
        turns.epoch = epoch
        seen += [turns[i][0].ravel() for i in range(len(turns))]
    assert all((batch < 100).all() for batch in seen[::2])
    assert all((batch >= 100).all() for batch in seen[1::2])
    assert sorted(np.concatenate(seen[::2])) == list(range(8))
    np.testing.assert_array_equal(turns[1][0], turns[1][0])


def test_a_mixed_batch_holds_digits_at_even_places_and_their_labels():
    digits, clothes = np.zeros((4, 28, 28, 1), "float32"), np.ones((4, 28, 28, 1), "float32")
    low_res, target, weight = combined.mixed(digits, np.arange(4), clothes, np.arange(4) + 5,
                                             np.random.default_rng(0))
    assert low_res.shape == (8, 7, 7, 1)
    assert (target["high_res"][0::2] == 0).all() and (target["high_res"][1::2] == 1).all()
    assert target["digit"].tolist() == [0, 1, 2, 3] and target["clothes"].tolist() == [5, 6, 7, 8]
    assert weight["digit"].tolist() == [1] * 4 and weight["high_res"].tolist() == [1] * 8


def test_a_taught_batch_aims_halfway_from_the_truth_to_the_specialists_answer():
    rng = np.random.default_rng(0)
    digits, clothes, *answers = rng.integers(0, 256, (4, 3, 28, 28, 1)).astype("uint8")
    low_res, target, weight = combined.taught(digits, np.arange(3), clothes, np.arange(3) + 5,
                                              *answers, rng)
    np.testing.assert_allclose(low_res[0::2], block_mean(digits / np.float32(255), 4), atol=1e-6)
    np.testing.assert_allclose(low_res[1::2], block_mean(clothes / np.float32(255), 4), atol=1e-6)
    for place, truth, answer in ((0, digits, answers[0]), (1, clothes, answers[1])):
        np.testing.assert_allclose(target["high_res"][place::2],
                                   (truth.astype(float) + answer) / 510, atol=1e-6)
    assert target["digit"].tolist() == [0, 1, 2] and target["clothes"].tolist() == [5, 6, 7]
    assert weight["digit"].all() and weight["high_res"].all()


def test_clothes_alone_aim_halfway_too_and_nobody_reads_them():
    clothes, answer = np.random.default_rng(0).integers(0, 256, (2, 6, 28, 28, 1)).astype("uint8")
    low_res, target, weight = combined.taught_clothes(clothes, answer, None)
    np.testing.assert_allclose(low_res, block_mean(clothes / np.float32(255), 4), atol=1e-6)
    np.testing.assert_allclose(target["high_res"], (clothes.astype(float) + answer) / 510,
                               atol=1e-6)
    assert not weight["digit"].any() and not weight["clothes"].any() and weight["high_res"].all()


def test_nobody_reads_a_drawing():
    pictures = np.full((4, 112, 112, 1), 255, "uint8")
    low_res, target, weight = combined.drawn(pictures, np.random.default_rng(0))
    assert low_res.shape == (4, 16, 16, 1) and target["high_res"].shape == (4, 64, 64, 1)
    assert not weight["digit"].any() and not weight["clothes"].any() and weight["high_res"].all()


def test_training_in_turns_moves_the_network_and_no_reader(small):
    teacher = combined.supervised(small)
    readers = [teacher.get_layer(name) for name in combined.CLASSIFIERS.values()]
    before = [fingerprint(model) for model in (*readers, small)]
    turns = combined.batches(drawings=16, per_epoch=6)
    training.compile(teacher, 6, RECIPES["combined"].loss,
                     loss_weights=RECIPES["combined"].loss_weights)
    history = training.fit(teacher, turns, progress=False)
    assert np.isfinite(history["loss"]).all()
    after = [fingerprint(model) for model in (*readers, small)]
    assert after[:2] == before[:2] and after[2] != before[2]
