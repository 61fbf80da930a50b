"""The eight flips and rotations of an image. Introduced in lesson 06."""


def turned(image, turn):
    """One of the eight flips and rotations of an image, as a view.

    Args:
        image: NumPy array (height, width, ...).
        turn: which one, 0 to 7; 0 leaves the image as it is.

    Returns the image as (height, width, ...), or (width, height, ...) for 4 to 7.
    """
    if turn & 1:
        image = image[:, ::-1]
    if turn & 2:
        image = image[::-1]
    return image.swapaxes(0, 1) if turn & 4 else image
