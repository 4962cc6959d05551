"""What a bench prints is what was found."""

from __future__ import annotations

from tests.bench.figures import Grid


def test_a_grid_has_a_line_for_each_with_medians_and_spread() -> None:
    grid = Grid("hello", ("CPU [us]", "calls/s"), {"us": ([10, 20, 30], [5_000]), "another": ([100, 100, 100], [])})
    assert str(grid).splitlines() == [
        "hello: median [spread]",
        "         CPU [us]   calls/s",
        "us       20 [±50%]  5,000",
        "another  100 [±0%]",
    ]
