"""A stopwatch for benchmarks and for the cards of lesson 06, which name seconds."""

import time


def timed(repeats, *functions):
    """Seconds of each function in each of ``repeats`` rounds: a list of tuples.

    The functions take turns, so that a machine that is busy for a while is busy for all. Each
    is called once before, for work that is done only once (graphs, memory).
    """
    def seconds(function):
        start = time.perf_counter()
        function()
        return time.perf_counter() - start

    return [tuple(map(seconds, functions)) for _ in range(repeats + 1)][1:]
