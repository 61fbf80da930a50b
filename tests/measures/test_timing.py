"""The stopwatch, with a clock that the tests set themselves."""

from types import SimpleNamespace

import pytest

from shared.measures import timing


@pytest.fixture
def clock(monkeypatch):
    """A list of calls and a function that makes functions which take a given time."""
    state = SimpleNamespace(now=100.0, calls=[])
    monkeypatch.setattr(timing, "time", SimpleNamespace(perf_counter=lambda: state.now))

    def taking(name, *seconds):
        remaining = list(seconds)

        def function():
            state.calls.append(name)
            state.now += remaining.pop(0)

        return function

    state.taking = taking
    return state


def test_functions_take_turns_and_their_first_calls_do_not_count(clock):
    a, b = clock.taking("a", 64, 1, 2, 4), clock.taking("b", 128, 8, 16, 32)
    assert timing.timed(3, a, b) == [(1, 8), (2, 16), (4, 32)]
    assert clock.calls == ["a", "b"] * 4


def test_a_single_function_is_called_once_more_than_it_is_timed(clock):
    assert timing.timed(2, clock.taking("a", 9, 3, 5)) == [(3,), (5,)]
    assert clock.calls == ["a"] * 3
