"""Training is never lost: killed or interrupted anywhere, it ends as if nothing had happened."""

import contextlib
import functools
import io
import os
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from conftest import ROOT, workplace
from killing import killed_at_each_step

from shared.data import pipeline
from shared.training import checkpoint, loop, store, trainer
from shared.training.recipe import Cycle, Recipe

EPOCHS = 4  # of two cycles, two each


def network(networks):
    """With dropout, so that its training depends on the state of a seed generator."""
    numbers = keras.Input((4,))
    x = keras.layers.Dropout(0.5)(keras.layers.Dense(8, activation="relu")(numbers))
    return keras.Model(numbers, keras.layers.Dense(1)(x), name="small")


def batches(networks):
    numbers = np.random.default_rng(1).random((64, 4), "float32")
    return pipeline.Batches(numbers, lambda x, rng: (x, x.sum(1, keepdims=True)), 8)


def recipe():
    """Two cycles, of which the first keeps a running mean of the weights."""
    return Recipe(about="for a test", data="numbers", epochs=2, build=network, batches=batches,
                  measure=lambda model, networks: {"one": 1.0},
                  optimizer=functools.partial(keras.optimizers.Adam, use_ema=True,
                                              ema_momentum=0.5),
                  further_cycles=(Cycle(2, 1e-2, batches, optimizer=keras.optimizers.Adam),))


def train():
    """Train by the recipe as "small"; returns the text that is printed."""
    screen = io.StringIO()
    with contextlib.redirect_stdout(screen):
        trainer.train_by_recipe("small", recipe(), {})
    return screen.getvalue()


def epochs_in(text):
    return [int(line.split()[1].split("/")[0]) for line in text.splitlines()
            if line.startswith("epoch") and "loss" in line]


@contextlib.contextmanager
def without_graphs(folder):
    """A ``workplace`` in which short trainings are several times as fast."""
    def compile_eagerly(model, *arguments, compile_model=loop.compile_model, **keywords):
        compile_model(model, *arguments, **keywords).run_eagerly = True

    with workplace(folder) as patch:
        patch.setattr(loop, "compile_model", compile_eagerly)
        yield


@pytest.fixture
def desk(tmp_path):
    with without_graphs(tmp_path):
        yield tmp_path


def trained_in_one_go():
    assert epochs_in(train()) == [1, 2, 3, 4]
    return store.load("small").get_weights()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The weights that an uninterrupted training ends with, without graphs."""
    with without_graphs(tmp_path_factory.mktemp("whole")):
        return trained_in_one_go()


@pytest.fixture(scope="module")
def whole_by_graphs(tmp_path_factory):
    """The weights that an uninterrupted training ends with, as the course trains."""
    with workplace(tmp_path_factory.mktemp("whole_by_graphs")):
        return trained_in_one_go()


def assert_ends_as(whole):
    for wanted, found in zip(whole, store.load("small").get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)


@contextlib.contextmanager
def interrupted_in(epoch):
    """The user's Ctrl-C after some batches of an epoch, counted from 0."""
    begin = loop.Progress.on_epoch_begin

    def on_epoch_begin(self, number, logs=None):
        self.now = number
        begin(self, number, logs)

    def on_train_batch_end(self, batch, logs=None):
        if self.now == epoch:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop.Progress, "on_epoch_begin", on_epoch_begin)
        patch.setattr(loop.Progress, "on_train_batch_end", on_train_batch_end)
        with pytest.raises(KeyboardInterrupt):
            yield


def files(desk):
    return sorted((desk / "training" / "small").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_training_with_dropout_continues_to_the_same_weights(epoch, tmp_path, whole_by_graphs):
    with workplace(tmp_path):
        with interrupted_in(epoch):
            train()
        assert epochs_in(train()) == list(range(epoch + 1, EPOCHS + 1))
        assert_ends_as(whole_by_graphs)


@pytest.mark.slow
def test_the_states_of_the_last_two_epochs_of_a_cycle_are_kept_until_the_network_is_saved(desk):
    with interrupted_in(3):
        train()
    assert len(files(desk)) == 3  # two of the first cycle, one of the second
    train()
    assert not (desk / "training" / "small").exists()


def flipped(content):
    return content[:len(content) // 2] + bytes([content[len(content) // 2] ^ 1]) \
        + content[len(content) // 2 + 1:]


@pytest.mark.slow
@pytest.mark.parametrize("damage", [lambda content: b"", lambda content: content[:-50], flipped],
                         ids=["empty", "cut off", "a flipped bit"])
def test_a_damaged_state_is_reported_in_a_line_and_the_one_before_is_used(damage, desk, whole):
    with interrupted_in(2):
        train()
    before, newest = files(desk)
    newest.write_bytes(damage(newest.read_bytes()))
    printed = train()
    reports = [line for line in printed.splitlines() if newest.name in line]
    assert len(reports) == 1 and "continues from an earlier epoch" in reports[0]
    assert epochs_in(printed) == [2, 3, 4]
    assert_ends_as(whole)


@pytest.mark.slow
def test_if_all_states_are_damaged_training_begins_again(desk, whole):
    with interrupted_in(2):
        train()
    for file in files(desk):
        file.write_bytes(b"PK")
    assert epochs_in(train()) == [1, 2, 3, 4]
    assert_ends_as(whole)


def test_a_state_of_another_network_changes_nothing(tmp_path):
    models = [keras.Sequential([keras.Input((size,)), keras.layers.Dense(2)]) for size in (3, 4)]
    for model in models:
        model.compile("adam", "mse")
        model.optimizer.build(model.trainable_variables)
    kept = [checkpoint.Checkpoint(tmp_path, "key") for _ in models]
    kept[0].set_model(models[0])
    kept[0].on_epoch_begin(0)
    kept[0].on_epoch_end(0)
    before = models[1].get_weights()
    kept[1].restore(models[1])
    assert kept[1].epochs == 0
    for wanted, found in zip(before, models[1].get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.slow
def test_on_a_full_disk_training_goes_on_and_the_older_states_stay(desk, whole, monkeypatch):
    with interrupted_in(2):
        train()
    before = [(file.name, file.read_bytes()) for file in files(desk)]

    def full(file, *arrays, **more):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    screen = io.StringIO()
    with monkeypatch.context() as patch, contextlib.redirect_stdout(screen), interrupted_in(3):
        patch.setattr(np, "savez", full)
        trainer.train_by_recipe("small", recipe(), {})
    reports = [line for line in screen.getvalue().splitlines() if "No space left" in line]
    assert len(reports) == 1 and reports[0].startswith("the state after this epoch cannot be kept")
    assert [(file.name, file.read_bytes()) for file in files(desk)] == before
    assert epochs_in(train()) == [3, 4]
    assert_ends_as(whole)


@pytest.mark.slow
def test_what_versions_before_2_kept_is_removed_with_a_word(desk, whole):
    old = desk / "training" / "small" / "0123456789ab"
    (old / "state").mkdir(parents=True)
    (old / "state" / "latest.weights.h5").write_bytes(b"half")
    (old.parent / "x-00001.npz.part").write_bytes(b"half")
    with interrupted_in(0):
        train()
    assert files(desk) == []
    old.mkdir()
    assert f"{old} is the state of an older version" in train().splitlines()[0]
    assert_ends_as(whole)


def test_the_seconds_are_those_of_all_epochs_before_and_after_an_interruption(
        tmp_path, monkeypatch):
    clock = iter([100, 103, 200, 204, 50, 55])
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: next(clock))
    model = network({})
    model.compile("adam", "mse")
    for epochs in (2, 1):  # one before the interruption, and one after it
        kept = checkpoint.Checkpoint(tmp_path, "key")
        kept.restore(model)
        kept.set_model(model)
        model.optimizer.build(model.trainable_variables)
        for epoch in range(epochs):
            kept.on_epoch_begin(epoch)
            kept.on_epoch_end(epoch)
    assert (kept.epochs, kept.seconds) == (3, 3 + 4 + 5)


@pytest.mark.skipif(sys.platform != "linux", reason="forks a process that has threads")
def test_a_process_killed_at_any_step_of_a_write_leaves_a_whole_state(
        tmp_path, monkeypatch, capsys):
    """Its newest state is then that of the epoch before, or already the new one."""
    class Ram:
        """An array in place of a variable, so that the killed process needs no TensorFlow."""
        def __init__(self, value):
            self.value, self.shape, self.dtype = value, value.shape, "float32"

        def assign(self, value):
            self.value = value

    monkeypatch.setattr(checkpoint, "_variables", lambda model: [model])
    monkeypatch.setattr(keras.ops, "convert_to_numpy", lambda variable: variable.value)
    kept, model = checkpoint.Checkpoint(tmp_path, "key"), Ram(np.zeros(1000, "float32"))
    model.optimizer = model.trainable_variables = keras.optimizers.SGD()
    monkeypatch.setattr(keras.optimizers.SGD, "build", lambda self, variables: None)
    kept.set_model(model)

    def save_in_two_parts(file, *arrays, savez=np.savez, **more):
        whole = io.BytesIO()
        savez(whole, *arrays, **more)
        file.write(whole.getvalue()[:2000])
        file.flush()
        sys.audit("open", str(tmp_path))  # one more step to die before
        file.write(whole.getvalue()[2000:])

    monkeypatch.setattr(np, "savez", save_in_two_parts)

    def epoch():
        kept.on_epoch_begin(0)
        kept.on_epoch_end(0)

    def in_epoch_3():
        model.assign(np.full(1000, 3, "float32"))
        epoch()

    for number in (1, 2):
        model.assign(np.full(1000, number, "float32"))
        epoch()
    start = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    ends = []
    for _ in killed_at_each_step(in_epoch_3, tmp_path):
        found = checkpoint.Checkpoint(tmp_path, "key")
        found.restore(model)
        ends.append(found.epochs)
        assert capsys.readouterr().out == ""  # no state is damaged
        np.testing.assert_array_equal(model.value, found.epochs)
        assert not list(tmp_path.glob("*.part"))
        assert len(list(tmp_path.iterdir())) >= 2  # one more to go back to
        for file in tmp_path.iterdir():
            file.unlink()
        for name, content in start.items():
            (tmp_path / name).write_bytes(content)
    assert set(ends) == {2, 3} and ends == sorted(ends) and len(ends) >= 3


# Trains by the recipe above, and dies by SIGKILL just before an operation on files: the one
# named, on a file whose name contains the text, when it comes for the given time.
PROCESS = """
import os, pathlib, signal, sys
operation, text, times = sys.argv[2], sys.argv[3], int(sys.argv[4])
seen = 0

def watch(event, arguments):
    global seen
    if event == operation and text in str(arguments):
        seen += 1
        if seen == times:
            os.kill(os.getpid(), signal.SIGKILL)

sys.path[:0] = ["tests", "tests/training"]
import test_checkpoint
sys.addaudithook(watch)
with test_checkpoint.workplace(pathlib.Path(sys.argv[1])):
    print(test_checkpoint.train())
"""
KILLS = [("open", "00001.npz.part", 1),  # before the first state is written: nothing is kept
         ("os.rename", "00002.npz", 1),  # complete, and not in its place
         ("open", "new.part", 2),  # while the network is saved
         ("os.rename", "new.part", 2)]  # between the card and the network


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_training_killed_again_and_again_ends_as_an_uninterrupted_one(desk, whole_by_graphs):
    for kill in [*KILLS, ("never", "", 0)]:
        result = subprocess.run([sys.executable, "-c", PROCESS, str(desk), *map(str, kill)],
                                cwd=ROOT, capture_output=True, text=True)
        if kill in KILLS:
            assert result.returncode == -signal.SIGKILL, result.stderr
        else:
            assert result.returncode == 0, result.stderr
    assert epochs_in(result.stdout) == []  # all was done before the last kills
    assert_ends_as(whole_by_graphs)
    assert sorted(file.name for file in desk.rglob("*") if file.is_file()) \
        == ["small.json", "small.keras"]
