"""Keeps the state of a training after each epoch, so that it continues after an interruption.

The state is everything that later epochs depend on: weights, the seeds of dropout, the
optimizer with its running means, the number of epochs, and their seconds. It is one file, and
the one of the epoch before stays beside it. Introduced in lesson 01.
"""

import time

import keras
import numpy as np

from shared.paths import written_beside


class Checkpoint(keras.callbacks.Callback):
    """Writes the state of the model after each epoch; the last two files are kept.

    A state that cannot be written, on a full disk for example, is reported in one line. Training
    goes on, and the files of earlier epochs stay.

    Args:
        folder: where the files are, a ``Path``. Nobody else trains with it at the same time.
        key: what the names of the files begin with. States of another key are left alone.
        write: whether this process writes the files, or only reads them, as all processes but
            the first do.

    ``epochs`` and ``seconds`` count what is done, before and after an interruption. Random layers
    must hold a ``keras.random.SeedGenerator``, as those of Keras do: its state is one of the
    model's variables, whereas that of Keras' global generator is not kept.
    """

    def __init__(self, folder, key, write=True):
        super().__init__()
        self.folder, self.key, self.write = folder, key, write
        self.epochs, self.seconds = 0, 0.0

    def restore(self, model):
        """Put a compiled ``model`` into the newest state; it stays as it is if there is none.

        A file that is damaged is reported in one line, and the one before is used.
        """
        if self.write:
            for part in self.folder.glob("*.part"):  # of a process that was killed
                part.unlink()
        for file in reversed(self._files()):
            model.optimizer.build(model.trainable_variables)
            try:
                self.epochs, self.seconds = _read(file, _variables(model))
                return
            except Exception as error:  # of zipfile, of NumPy, or of the operating system
                print(f"{file} cannot be used ({error}): training continues from an earlier epoch")

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1
        self.seconds += time.monotonic() - self.start
        if not self.write:
            return
        file = self.folder / f"{self.key}-{self.epochs:05d}.npz"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write(file, _variables(self.model), self.epochs, self.seconds)
        except OSError as error:
            print(f"the state after this epoch cannot be kept in {self.folder} "
                  f"({error.strerror or error}): training goes on, and what was kept stays")
            return
        before = [other for other in self._files() if other < file][-1:]
        for other in set(self._files()) - {file, *before}:
            other.unlink()

    def _files(self):
        return sorted(self.folder.glob(f"{self.key}-*.npz"))


def _variables(model):
    """All that training changes. ``variables`` of a model include the seeds of its layers."""
    return [*model.variables, *model.optimizer.variables]


def _write(path, variables, epochs, seconds):
    arrays = [keras.ops.convert_to_numpy(variable) for variable in variables]
    with written_beside(path) as file:
        np.savez(file, *arrays, epochs=epochs, seconds=seconds)


def _read(path, variables):
    """Put a state into ``variables``; returns epochs and seconds. Raises and changes nothing if
    the file is damaged or belongs to another model."""
    with np.load(path) as file:  # a zip file, which holds a checksum of each array
        arrays = [file[f"arr_{number}"] for number in range(len(file.files) - 2)]
        epochs, seconds = int(file["epochs"]), float(file["seconds"])
    found = [(array.shape, str(array.dtype)) for array in arrays]
    expected = [(tuple(variable.shape), str(variable.dtype)) for variable in variables]
    if found != expected:
        raise ValueError("it is the state of another model")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
    return epochs, seconds
