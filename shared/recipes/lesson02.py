"""The recipe of lesson 02: clothes from 7x7 to 28x28."""

from shared.data import datasets, pipeline
from shared.recipes import lesson01
from shared.training.losses import log_mse
from shared.training.recipe import Recipe

RECIPES = {
    "fashion": Recipe(
        about="7x7 clothes to 28x28, the network of lesson 01 (lesson 02)",
        data="Fashion-MNIST, 55,000 training images, moved by up to one pixel",
        build=lambda networks: lesson01.upscaler("fashion"),
        batches=lambda networks: pipeline.Batches(
            datasets.fashion_mnist().x_train, pipeline.shifted(), seed=1),
        measure=lambda model, networks: lesson01.measure_upscaler(
            datasets.fashion_mnist().x_test, model),
        epochs=30, peak_rate=1.5e-3, loss=log_mse),
}
