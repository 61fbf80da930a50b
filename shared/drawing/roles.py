"""One colour, marker and dash per role, the same in all lessons.

A role is what an image or a number comes from: the truth, bicubic interpolation, the network
that the lesson has just trained (live), a network that the course ships, or samples. The five
colours have a contrast of at least 4.5 on white, so that they also serve as text, and are told
apart by readers with any colour vision (``tests/drawing/test_roles.py`` computes both). Marker
and dash tell the roles apart without colour.
"""

from typing import NamedTuple

# Ink and grey have no tint, so that a figure without colours can be stored in one channel.
INK, BLUE, ORANGE, PURPLE, GREY = "#1f1f1f", "#096bbe", "#b35c12", "#820366", "#707070"
GREEN, RED = "#22744a", "#b3261e"
WRONG = RED  # the mark of a wrong reading, always together with a cross
FRAME = "#cccccc"  # the hairline round a tile
SHADE = "#ececec"  # a region of a chart that is set apart


class Role(NamedTuple):
    """How a line or a point is drawn: a colour, a marker and a dash of matplotlib."""

    colour: str
    marker: str
    dash: str = "-"


ROLES = {
    "truth": Role(INK, "D"),
    "bicubic": Role(GREY, "s", "--"),
    "live": Role(ORANGE, "^"),
    "shipped": Role(BLUE, "o"),
    "samples": Role(PURPLE, "v"),
}
# What the lessons call things, and the role of each.
NAMES = {
    "truth": "truth", "bicubic": "bicubic", "live": "live", "live network": "live",
    "shipped": "shipped", "samples": "samples", "sample": "samples", "draws": "samples",
    "draw": "samples"} | dict.fromkeys(
        ("baseline", "fashion", "hd", "combined", "zoom"), "shipped")
MARKERS, DASHES = "PXh<>d*", ((0, (5, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)))


def looks(names, roles=None):
    """How the things of these names are drawn: a dict of name to ``Role``.

    Args:
        names: names in the order in which they are drawn.
        roles: dict of name to a key of ``ROLES``, for names that ``NAMES`` does not have or
            that mean something else here.

    A name without a role gets a colour that no role in the same figure has, as long as there is
    one. If two names have one colour, the second has another marker and another dash. Raises
    ValueError for an unknown role.
    """
    roles = NAMES | (roles or {})
    unknown = {roles[name] for name in names if name in roles} - set(ROLES)
    if unknown:
        raise ValueError(f"unknown role {sorted(unknown)[0]!r}: choose from {', '.join(ROLES)}")
    result, used = {}, []
    reserved = {ROLES[roles[name]].colour for name in names if name in roles}
    spare = [role for role in (ROLES["shipped"], ROLES["live"], ROLES["samples"], ROLES["truth"],
                               ROLES["bicubic"]) if role.colour not in reserved]
    spare = spare or list(ROLES.values())
    for number, name in enumerate(name for name in names if name not in roles):
        role = spare[number % len(spare)]
        result[name] = Role(role.colour, MARKERS[number % len(MARKERS)], "-")
    for name in names:
        look = result.get(name) or ROLES[roles[name]]
        again = sum(look.colour == other.colour for other in used)
        if again:
            look = Role(look.colour, MARKERS[(2 * again + 1) % len(MARKERS)],
                        DASHES[(again - 1) % len(DASHES)])
        used.append(look)
        result[name] = look
    return {name: result[name] for name in names}
