"""Training on several devices at once, each with its part of every batch (data parallelism).

JAX only: all devices of this machine, or those of several machines that ``jax.distributed``
connects. A batch is the same on any number of devices, and so are the gradients, their mean over
the whole batch; so the weights are the same too, up to rounding. CONTRIBUTING.md shows the
commands. Introduced in lesson 06.
"""

import contextlib
import os

import keras

JOBS = "KERAS_DISTRIBUTION_JOB_ADDRESSES"  # set by who starts several processes


def connect():
    """Connect the processes of several machines, if the environment names them.

    To be called once, before anything is computed. The variables are those of
    ``keras.distribution.initialize``. Raises RuntimeError on another backend than JAX.
    """
    if os.environ.get(JOBS):
        if keras.backend.backend() != "jax":
            raise RuntimeError(f"{JOBS} is set, but only JAX trains on several machines: set "
                               f"KERAS_BACKEND=jax, or unset {JOBS}")
        keras.distribution.initialize()


@contextlib.contextmanager
def all_devices():
    """While it lasts, new models are trained on all devices, if there are several."""
    if _count() == 1:
        yield
        return
    with keras.distribution.DataParallel(auto_shard_dataset=False).scope():
        yield


def is_first_process():
    """Whether this process is the one that prints and writes files."""
    return _process() == 0


def own_part(batches):
    """Batches with the part of each batch that this process trains on.

    Raises ValueError if the batches cannot be divided among the devices.
    """
    if batches.batch_size % _count():
        raise ValueError(
            f"a batch of {batches.batch_size} cannot be divided among {_count()} devices: use "
            f"fewer, for example with CUDA_VISIBLE_DEVICES=0")
    return batches if _processes() == 1 else Part(batches, _process(), _processes())


class Part(keras.utils.PyDataset):
    """Part ``number`` of ``count`` equal parts of every batch of ``batches``.

    ``batches`` is a ``pipeline.Batches`` or ``pipeline.Turns`` whose batches are tuples of arrays.
    """

    def __init__(self, batches, number, count):
        super().__init__(workers=batches.workers, max_queue_size=batches.max_queue_size)
        self.batches, self.number, self.count = batches, number, count
        self.batch_size = batches.batch_size

    def __len__(self):
        return len(self.batches)

    @property
    def epoch(self):
        return self.batches.epoch

    @epoch.setter
    def epoch(self, epoch):
        self.batches.epoch = epoch

    def on_epoch_end(self):
        self.batches.on_epoch_end()

    def __getitem__(self, index):
        size = self.batch_size // self.count
        own = slice(self.number * size, (self.number + 1) * size)
        return keras.tree.map_structure(lambda array: array[own], self.batches[index])


def _count():
    return len(keras.distribution.list_devices()) if keras.backend.backend() == "jax" else 1


def _processes():
    if keras.backend.backend() != "jax":
        return 1
    import jax

    return jax.process_count()


def _process():
    if keras.backend.backend() != "jax":
        return 0
    import jax

    return jax.process_index()
