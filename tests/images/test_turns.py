"""The eight flips and rotations."""

import numpy as np

from shared.images.turns import turned


def test_the_eight_turns_are_the_rotations_and_mirror_images():
    image = np.arange(12).reshape(3, 4, 1)
    wanted = {(np.rot90(start, k).tobytes(), np.rot90(start, k).shape)
              for start in (image, image[:, ::-1]) for k in range(4)}
    found = {(turned(image, turn).tobytes(), turned(image, turn).shape) for turn in range(8)}
    assert found == wanted and len(found) == 8


def test_turn_0_leaves_the_image_as_it_is_and_every_turn_is_a_view():
    image = np.arange(24).reshape(3, 4, 2)
    np.testing.assert_array_equal(turned(image, 0), image)
    assert all(np.shares_memory(turned(image, turn), image) for turn in range(8))
