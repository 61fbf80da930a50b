"""Muon, an optimizer that needs a fraction of Adam's steps to train a convolutional network.

Adam gives every single weight a step of its own. Muon (Jordan and others, 2024) looks at a
layer's weights as what they are, a matrix from what comes in to what goes out, and makes the
step orthogonal: no direction of the matrix moves farther than another.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoom_enhance")
class Muon(keras.optimizers.Muon):
    """Keras' Muon for convolutions too: a kernel (height, width, in, out) is a matrix to it.

    Its rows are all weights that reach one output channel, so (height * width * in, out).
    Biases, and kernels with fewer than ``narrow`` channels on a side (the first and the last
    of a network), learn by Adam. No weight decay unless asked for.

    Args:
        learning_rate: as for ``keras.optimizers.Muon``; steps are scaled to be as large as
            Adam's would be (Liu et al. 2025), and rates of 2e-3 to 6e-3 do well.
        narrow: see above.
    """

    def __init__(self, learning_rate=2e-3, narrow=16, **kwargs):
        decay = {"weight_decay": None, "adam_weight_decay": None}
        super().__init__(learning_rate=learning_rate, **(decay | kwargs))
        self.narrow = narrow

    def _should_use_adamw(self, variable):
        return len(variable.shape) < 2 or min(variable.shape[-2:]) < self.narrow

    def _muon_update_step(self, gradient, variable, lr, m):
        self.assign_add(m, (gradient - m) * (1 - self.momentum))
        ahead = gradient + (m - gradient) * self.momentum if self.nesterov else m
        matrix = ops.reshape(ahead, (-1, variable.shape[-1]))
        step = self.lr_adjust(lr * self.zeropower_via_newtonschulz5(matrix, self.ns_steps))
        self.assign_sub(variable, ops.reshape(step, variable.shape))

    def get_config(self):
        return super().get_config() | {"narrow": self.narrow}
