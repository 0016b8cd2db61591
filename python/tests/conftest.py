"""Sessions and tables that several tests use."""

import random

import pyarrow
import pytest

import plusminus


@pytest.fixture
def db(tmp_path):
    return plusminus.connect(tmp_path / "store", threads=2, seed=3)


@pytest.fixture
def trips():
    """20,000 trips in three regions; the mean of miles is 49.5 in each."""
    draw = random.Random(7)
    regions = [draw.choice(["east", "west", "north"]) for _ in range(20_000)]
    miles = [float(i % 100) for i in range(20_000)]
    return pyarrow.table({"region": regions, "miles": miles, "day": [i % 28 for i in range(20_000)]})
