"""Muon for convolutions: an optimizer that needs far fewer steps than Adam.

Introduced in lesson 06.

Adam scales the step of each weight separately. Muon (Jordan et al. 2024) treats the weights of
a layer as a matrix from inputs to outputs and makes the step orthogonal, so that no direction
of that matrix moves farther than another.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoom_enhance")
class Muon(keras.optimizers.Muon):
    """Keras' Muon, extended to convolutions.

    A kernel of shape (height, width, in, out) is treated as a (height * width * in, out)
    matrix. Biases and narrow kernels (the first and the last of a network) are trained by Adam.
    There is no weight decay by default.

    Args:
        learning_rate: as for ``keras.optimizers.Muon``. Steps are scaled to the size of Adam's
            (Liu et al. 2025), so both need similar rates.
        narrow: kernels with fewer input or output channels than this are trained by Adam.
        kwargs: as for ``keras.optimizers.Muon``.
    """

    def __init__(self, learning_rate=2e-3, narrow=16, **kwargs):
        decay = {"weight_decay": None, "adam_weight_decay": None}
        super().__init__(learning_rate=learning_rate, **(decay | kwargs))
        self.narrow = narrow

    def _should_use_adamw(self, variable):
        return len(variable.shape) < 2 or min(variable.shape[-2:]) < self.narrow

    def _muon_update_step(self, gradient, variable, lr, m):
        self.assign_add(m, gradient + m * (self.momentum - 1))
        direction = gradient + self.momentum * m if self.nesterov else m
        matrix = ops.reshape(direction, (-1, variable.shape[-1]))
        step = self.lr_adjust(lr * self.zeropower_via_newtonschulz5(matrix, self.ns_steps))
        self.assign_sub(variable, ops.reshape(step, variable.shape))

    def get_config(self):
        return super().get_config() | {"narrow": self.narrow}
