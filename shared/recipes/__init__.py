"""The recipes of all trained networks: how each is built, trained and measured.

There is one module per lesson. ``RECIPES`` is a dict of all recipes by name, in an order in
which every network comes after the networks that it needs.
"""

from shared.recipes import lesson01, lesson02, lesson03, lesson04, lesson05, lesson06, lesson08

RECIPES = (lesson01.RECIPES | lesson02.RECIPES | lesson03.RECIPES | lesson04.RECIPES
           | lesson05.RECIPES | lesson06.RECIPES | lesson08.RECIPES)


def recipe(name):
    """The ``Recipe`` of that name. Raises KeyError with a list of the names if there is none.

    The photo networks have a second recipe each, for the photographs of DIV2K: "zoom_div2k".
    """
    found = RECIPES | lesson06.DIV2K_RECIPES
    if name not in found:
        raise KeyError(f"no recipe is called {name!r}: choose from {', '.join(found)}")
    return found[name]


def with_needs(*names):
    """A list of ``names`` and of all networks that they need, directly or through others.

    It has the order of ``RECIPES``. Raises KeyError as ``recipe``.
    """
    wanted = set()

    def add(name):
        wanted.add(name)
        for need in recipe(name).needs:
            add(need)

    for name in names:
        add(name)
    return [name for name in RECIPES if name in wanted]
