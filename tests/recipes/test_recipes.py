"""The recipes say what the cards say, need what comes before them, and feed their networks."""

import hashlib
import inspect
import json

import numpy as np
import pytest
from conftest import ROOT

from shared import recipes
from shared.data import datasets, drawings, patches, photos
from shared.models import flow
from shared.recipes import lesson06
from shared.training import store

SHIPPED = ROOT / "data" / "weights"
DIGITS = ("baseline", "classifier_a", "classifier_b", "reads_7x7", "reads_4x4")
CLOTHES = ("fashion", "clothes_a", "clothes_b")
PHOTOS = ("srcnn", "vdsr", "ircnn", "unet", "zoom")


@pytest.fixture(autouse=True)
def shipped_networks(monkeypatch):
    monkeypatch.delenv("ZOOM_DATA", raising=False)


# --- the registry ----------------------------------------------------------------------------

def test_every_recipe_comes_after_the_networks_it_needs():
    names = list(recipes.RECIPES)
    for name, recipe in recipes.RECIPES.items():
        for need in recipe.needs:
            assert names.index(need) < names.index(name), f"{name} comes before {need}"


def test_with_needs_adds_what_is_needed_directly_and_through_others_in_order():
    assert recipes.with_needs("baseline") == ["baseline"]
    assert recipes.with_needs("hd_blind") == ["baseline", "hd", "hd_blind"]
    assert recipes.with_needs("samples", "fashion") == [
        "baseline", "fashion", "classifier_a", "classifier_b", "samples"]
    assert recipes.with_needs() == []
    assert recipes.with_needs(*recipes.RECIPES) == list(recipes.RECIPES)


def test_an_unknown_recipe_is_refused_with_the_names_there_are():
    for function in (recipes.recipe, recipes.with_needs):
        with pytest.raises(KeyError, match="'nonsense'.*baseline, fashion"):
            function("nonsense")


def test_a_recipe_is_found_by_its_name():
    assert all(recipes.recipe(name) is recipe for name, recipe in recipes.RECIPES.items())


def test_nothing_is_shipped_without_a_recipe_and_a_card():
    networks = {path.stem for path in SHIPPED.glob("*.keras")}
    assert networks == set(recipes.RECIPES)
    assert networks == {path.stem for path in SHIPPED.glob("*.json")}


# --- what is on the card ---------------------------------------------------------------------

@pytest.mark.parametrize("name", recipes.RECIPES)
def test_the_card_says_what_the_recipe_says(name):
    card, summary = store.read_card(name), recipes.recipe(name).summary()
    assert {key: card[key] for key in summary} == summary
    assert card["name"] == name


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_the_card_belongs_to_its_network_and_its_figures_are_numbers(name):
    card = json.loads((SHIPPED / f"{name}.json").read_text())
    sha256 = hashlib.sha256((SHIPPED / f"{name}.keras").read_bytes()).hexdigest()
    assert card["sha256"] == sha256
    assert all(np.isfinite(value).all() for value in card["test"].values())


@pytest.mark.slow
def test_every_network_can_be_loaded_by_a_program_that_imports_nothing_else(run_python):
    run_python("import sys\nfrom shared import weights\n"
               "for name in sys.argv[1:]:\n    weights.load(name)\n", *recipes.RECIPES)


# --- what is not on the card -----------------------------------------------------------------

class Kitchen:
    """Builds the networks and the batches of the recipes; what is slow is replaced.

    ``calls`` holds the arguments that the stand-ins for slow functions were called with.
    """

    def __init__(self, patch, digits, clothes):
        self.calls = []
        self.splits = {"mnist": digits, "fashion_mnist": clothes}
        self.trained = {}
        patch.setattr(datasets, "_split", lambda name, first: self.splits[name])
        self.replace(patch, drawings, "training_drawings", self.few_drawings)
        self.replace(patch, patches, "training_tiles", self.few_tiles)
        lesson06.course_tiles.cache_clear()
        self.replace(patch, flow, "training_pairs", self.few_training_pairs)

    def replace(self, patch, module, name, stand_in):
        signature = inspect.signature(getattr(module, name))

        def call(*arguments, **keywords):
            bound = signature.bind(*arguments, **keywords)
            bound.apply_defaults()
            self.calls.append((name, bound.arguments))
            return stand_in(**bound.arguments)

        patch.setattr(module, name, call)

    @staticmethod
    def few_drawings(n, digits, seed):
        pictures = np.zeros((40, 112, 112, 1), "uint8")
        pictures[:, 30:80, 40:70] = 255
        return pictures

    @staticmethod
    def few_tiles(**data):
        rng = np.random.default_rng(0)
        truth = rng.integers(0, 256, (80, 128, 128, 1), dtype="uint8")
        return patches.Pair(truth[:, ::2, ::2], truth)

    @staticmethod
    def few_training_pairs(truth, upscaler, copies, seed, move):
        """The first digits or clothes, and answers that are half as bright."""
        images = np.rint(255 * np.tile(truth[:1000], (copies, 1, 1, 1))).astype("uint8")
        return images, images // 2

    def networks(self, name):
        for need in recipes.recipe(name).needs:
            if need not in self.trained:
                self.trained[need] = store.load(need)
        return {need: self.trained[need] for need in recipes.recipe(name).needs}

    def network(self, name):
        return recipes.recipe(name).new_network(self.networks(name))

    def batches(self, name):
        """The batches of each cycle of a recipe."""
        networks = self.networks(name)
        return [cycle.batches(networks) for cycle in recipes.recipe(name).cycles()]


@pytest.fixture(scope="module")
def kitchen(digits, clothes):
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("ZOOM_DATA", raising=False)
        yield Kitchen(patch, digits, clothes)
        lesson06.course_tiles.cache_clear()


def as_dict(value):
    return value if isinstance(value, dict) else {"": value}


def one_of_each_part(batches):
    """The first batch, or the first of each part if batches take turns."""
    return [batches[index] for index in range(len(getattr(batches, "parts", [batches])))]


@pytest.mark.slow
@pytest.mark.parametrize("name", recipes.RECIPES)
def test_the_finished_network_has_as_many_weights_as_the_card_says(name, kitchen):
    finished = recipes.recipe(name).finish(kitchen.network(name))
    card = store.read_card(name)
    assert card["parameters"] == finished.count_params() == store.load(name).count_params()
    assert finished.name == store.load(name).name == name


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_the_batches_are_as_large_as_the_card_says(name, kitchen):
    sizes = [max(len(array) for inputs, *_ in one_of_each_part(batches)
                 for array in as_dict(inputs).values()) for batches in kitchen.batches(name)]
    last = store.read_card(name)["batch"]  # the card has that of the last cycle
    assert sizes == ([32, 32, 64] if name == "zoom" else [last] * len(sizes))
    assert kitchen.batches(name)[-1].batch_size == last


@pytest.mark.parametrize("name", DIGITS + CLOTHES)
def test_an_epoch_is_one_pass_over_all_training_images(name, kitchen):
    batches, = kitchen.batches(name)
    images = kitchen.splits["mnist" if name in DIGITS else "fashion_mnist"].x_train
    assert batches.arrays[0] is images
    assert len(batches) == len(images) // batches.batch_size


@pytest.mark.parametrize("name, lengths", [("hd", [1000]), ("hd_blind", [1000]),
                                           ("combined", [999, 999, 1250]), ("samples", [781])])
def test_an_epoch_of_other_data_has_a_fixed_number_of_batches(name, lengths, kitchen):
    assert [len(batches) for batches in kitchen.batches(name)] == lengths


@pytest.mark.parametrize("name", PHOTOS)
def test_an_epoch_of_photographs_has_500_batches(name, kitchen):
    assert {len(batches) for batches in kitchen.batches(name)} == {500}


# The seeds of the batches in each cycle; other batches would train other networks.
SEEDS = {"hd_blind": [[2]], "zoom": [[1], [1], [2]],
         "combined": [[1, 1, 2], [1, 1, 2], [2, 2, 2, 3, 3]]}


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_the_batches_have_the_seeds_that_the_shipped_networks_were_trained_with(name, kitchen):
    kitchen.calls.clear()
    lesson06.course_tiles.cache_clear()
    cycles = kitchen.batches(name)
    seeds = [[part.seed for part in getattr(batches, "parts", [batches])] for batches in cycles]
    assert seeds == SEEDS.get(name, [[1]] * len(cycles))
    drawn = {arguments["seed"] for _, arguments in kitchen.calls}
    assert drawn <= ({0} if name in ("hd", "hd_blind", "combined") else {1})


@pytest.mark.slow
@pytest.mark.parametrize("name", recipes.RECIPES)
def test_the_targets_have_the_shape_of_what_the_network_returns(name, kitchen):
    network = kitchen.network(name)
    for batches in kitchen.batches(name):
        for inputs, targets, *sample_weights in one_of_each_part(batches):
            outputs = as_dict(network(inputs, training=False))
            assert all(array.dtype == np.float32 for array in as_dict(inputs).values())
            assert outputs.keys() == as_dict(targets).keys()
            for key, target in as_dict(targets).items():
                if outputs[key].shape[-1] == 10:  # logits of classes, for labels
                    assert np.issubdtype(target.dtype, np.integer)
                    assert target.shape == outputs[key].shape[:1]
                    assert sample_weights or 0 <= target.min() < target.max() <= 9
                else:
                    assert target.dtype == np.float32 and target.shape == outputs[key].shape
                    assert target.min() >= 0 or key == "" and name == "samples"  # velocities
                    assert target.max() <= 1 or key == "" and name == "samples"
            for weights in sample_weights:
                assert {key: weight.shape for key, weight in weights.items()} == {
                    key: output.shape[:1] for key, output in outputs.items()}


@pytest.mark.parametrize("name, side", [("srcnn", 32), ("vdsr", 32), ("ircnn", 32), ("unet", 48),
                                        ("zoom", 48)])
def test_the_crops_of_photographs_have_their_side_in_every_cycle(name, side, kitchen):
    for batches in kitchen.batches(name):
        low_res, truth = batches[0]
        assert low_res.shape == (batches.batch_size, side, side, 1)
        assert truth.shape == (batches.batch_size, 2 * side, 2 * side, 1)


def in_words(data):
    """The arguments of ``patches.training_tiles`` in the words of a card."""
    photographs = sum(len(photos.load_photos(split)) for split in data["splits"])
    sizes = {None: " at three sizes,", 7: ", each at its own size and at seven random ones;"}
    drawings = data["drawings"]
    assert data["kinds"] == ("dead_leaves", "lettering")
    return (f"{photographs} photographs{sizes[data['random_sizes']]} {drawings} drawings of dead "
            f"leaves and {drawings} of lettering")


@pytest.mark.parametrize("name", PHOTOS)
def test_photo_networks_learn_from_the_photographs_and_drawings_on_the_card(name, kitchen):
    kitchen.calls.clear()
    lesson06.course_tiles.cache_clear()
    kitchen.batches(name)
    first, *last = [arguments for _, arguments in kitchen.calls]
    words = in_words(first)
    if name == "zoom":
        more, = last
        assert more | {"splits": first["splits"]} == first
        words += (f"; in the last cycle {len(photos.load_photos('more'))} photographs more")
        assert more["splits"] == (*first["splits"], "more")
    assert store.read_card(name)["data"] == words


def test_the_networks_of_lesson_03_learn_from_12000_drawings(kitchen):
    for name in ("hd", "hd_blind"):
        kitchen.calls.clear()
        kitchen.batches(name)
        (function, arguments), = kitchen.calls
        assert (function, arguments["n"]) == ("training_drawings", 12_000)
        assert arguments["digits"] is kitchen.splits["mnist"].x_train


def test_the_samples_are_learned_from_shifted_digits_with_the_answers_of_baseline(kitchen):
    """As the card says: four times, each shifted by up to two pixels."""
    kitchen.calls.clear()
    batches, = kitchen.batches("samples")
    (function, arguments), = kitchen.calls
    assert function == "training_pairs" and (arguments["copies"], arguments["move"]) == (4, 2)
    assert arguments["truth"] is kitchen.splits["mnist"].x_train
    assert arguments["upscaler"] is kitchen.trained["baseline"]
    inputs, velocity = batches[0]
    end = inputs["x_t"] + (1 - inputs["t"][:, :, None, None]) * velocity  # of the straight line
    np.testing.assert_allclose(inputs["guess"], end / 2, atol=3 / 255)  # as few_training_pairs


def test_the_last_cycle_of_combined_learns_from_the_answers_of_both_specialists(kitchen):
    kitchen.calls.clear()
    kitchen.batches("combined")
    pairs = [arguments for function, arguments in kitchen.calls if function == "training_pairs"]
    digits, clothes = kitchen.splits.values()
    assert len(pairs) == 2 and all(pair["move"] == 0 and pair["copies"] == 1 for pair in pairs)
    assert pairs[0]["upscaler"] is kitchen.trained["baseline"]
    assert pairs[1]["upscaler"] is kitchen.trained["fashion"]
    assert pairs[0]["truth"] is digits.x_train
    assert np.shares_memory(pairs[1]["truth"], clothes.x_train)
    assert len(pairs[1]["truth"]) == len(digits.x_train) == 50_000
    counts = [arguments["n"] for function, arguments in kitchen.calls
              if function == "training_drawings"]
    assert counts == [12_000] * 3
