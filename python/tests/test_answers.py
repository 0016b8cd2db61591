"""Answers: bounds, intervals, formats and reports."""

import datetime
import decimal
import json

import pandas
import polars
import pyarrow
import pyarrow.parquet
import pytest

import plusminus

MEANS = "SELECT region, avg(miles) AS m FROM trips GROUP BY region ORDER BY region"


@pytest.fixture
def sampled(db, trips, tmp_path):
    pyarrow.parquet.write_table(trips, tmp_path / "trips.parquet")
    db.register("trips", tmp_path / "trips.parquet")
    assert db.sample("trips", stratified_by=["region"], cap=1500) == "trips_by_region"
    return db


def test_without_a_bound_an_answer_is_exact(sampled):
    answer = sampled.sql("SELECT count(*) AS n, avg(miles) AS m FROM trips")
    assert answer.rows() == [(20_000, 49.5)] and answer.is_exact and answer.met is None
    assert answer.columns == ["n", "m"] and answer.types == ["BIGINT", "DOUBLE"] and len(answer) == 1
    assert answer.to_arrow().column_names == ["n", "m"]


def test_estimates_have_intervals_that_hold_the_truth(sampled):
    answer = sampled.sql(MEANS, error=0.05, on_miss="report")
    assert answer.met and not answer.is_exact and answer.error_reached <= 0.05
    assert answer.report["mode"] == "approximate" and answer.report["sample"] == "trips_by_region"
    assert answer.roles == ["key", "estimate"]
    exact = dict(sampled.sql(MEANS).rows())
    cells = answer.cells("m")
    assert [cell.trust for cell in cells] == ["trusted"] * 3
    # Three intervals of 95 %: all of them miss once in 8,000 seeds, and this seed does not.
    assert sum(cell.lower <= exact[region] <= cell.upper for (region, _), cell in zip(answer, cells)) >= 2


def test_bounds_are_texts_numbers_and_times(sampled):
    for within in ["500ms", "0.5 s", 0.5, datetime.timedelta(milliseconds=500)]:
        assert sampled.sql(MEANS, within=within).report["within_ms"] == 500
    for error in ["5%", 0.05]:
        assert sampled.sql(MEANS, error=error).report["error_bound"] == 0.05
    assert sampled.sql(MEANS, error=0.05, confidence=0.99).report["confidence"] == 0.99
    assert sampled.sql(MEANS, error_absolute=3.0).report["error_bound"] == 3.0
    for wrong in [{"within": "5 parsecs"}, {"error": "5"}, {"error": 5}, {"error": 0.1, "error_absolute": 1.0}, {"confidence": 95, "error": 0.1}, {"error": 0.1, "on_miss": "cry"}]:
        with pytest.raises(plusminus.SqlError, match="Try: "):
            sampled.sql(MEANS, **wrong)


def test_every_format_has_the_same_columns(sampled):
    answer = sampled.sql(MEANS, error=0.05, on_miss="report")
    columns = ["region", "m", "m_lo", "m_hi", "m_trust"]
    assert answer.to_arrow().column_names == columns
    assert list(answer.to_pandas(errors="columns").columns) == columns
    assert answer.to_polars().columns == columns
    assert answer.to_polars(errors="none").columns == columns[:2]
    assert pyarrow.table(answer).column_names == columns == polars.DataFrame(answer).columns
    assert json.loads(answer.to_arrow().schema.metadata[b"plusminus.report"])["met"] is True
    assert answer.to_pandas().attrs["plusminus"]["sample"] == "trips_by_region"
    with pytest.raises(ValueError, match="columns"):
        answer.to_arrow(errors="everywhere")


def test_answers_show_themselves(sampled, tmp_path):
    answer = sampled.sql(MEANS, error=0.05, on_miss="report")
    assert "±" in str(answer) and "met: error within 5 %" in repr(answer)
    assert "<table" in answer._repr_html_() and "±" in answer._repr_html_()
    assert answer.to_markdown().startswith("| region |")
    assert answer.plot(tmp_path / "m.svg")._repr_svg_().startswith("<svg")
    answer.plot(tmp_path / "m.png")
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match=".svg or .png"):
        answer.plot("m.gif")
    with pytest.raises(plusminus.SqlError, match="no number to draw"):
        sampled.sql("SELECT region FROM trips LIMIT 1").plot()


def test_levels_narrow_and_end_with_the_answer(sampled):
    levels = list(sampled.stream(MEANS, error=0.02, on_miss="report"))
    assert len(levels) >= 1 and levels[-1].report["level"] is not None
    widths = [max(cell.upper - cell.lower for cell in level.cells("m")) for level in levels]
    assert widths[-1] <= widths[0]
    stream = sampled.stream(MEANS, error=0.02)
    next(stream)
    stream.close()
    assert list(stream) == []


def test_a_missed_bound_has_the_best_answer(sampled):
    with pytest.raises(plusminus.BoundMissed, match="error") as missed:
        sampled.sql(MEANS, error=0.0001, on_miss="fail")
    assert len(missed.value.best) == 3 and missed.value.best.met is False
    assert isinstance(missed.value, plusminus.Error)


def test_errors_by_kind_have_a_next_step(db, tmp_path):
    for query in ["SELEC 1", "SELECT nothing", "SELECT 1 ERROR WITHIN 0%"]:
        with pytest.raises(plusminus.SqlError, match="Try: "):
            db.sql(query)
    (tmp_path / "bad.csv").write_text("a\n1\nx\n")
    with pytest.raises(plusminus.DataError, match="Try: "):
        db.sql(f"SELECT CAST(a AS INT) FROM '{tmp_path / 'bad.csv'}'").rows()
    with pytest.raises(plusminus.StoreError):
        db.sql("DESCRIBE SAMPLE nothing")


def test_values_are_pythons_own(db):
    row = db.sql(
        "SELECT 1, 2.5::DOUBLE, 'x', true, NULL, DATE '2026-01-31', TIMESTAMP '2026-01-31 10:00:00', 1.50::DECIMAL(5, 2), [1, 2]"
    ).rows()[0]
    assert row[:5] == (1, 2.5, "x", True, None)
    assert row[5:7] == (datetime.date(2026, 1, 31), datetime.datetime(2026, 1, 31, 10))
    assert row[7] == decimal.Decimal("1.50") and list(row[8]) == [1, 2]
    assert db.sql("SELECT INTERVAL '1 day', TIMESTAMP '2026-01-02' - TIMESTAMP '2026-01-01'").rows() == [
        ("1 day", datetime.timedelta(days=1))
    ]
    assert db.sql("SELECT 7").scalar() == 7
    with pytest.raises(ValueError):
        db.sql("SELECT 1, 2").scalar()


def test_parameters_stand_where_literals_do(db):
    assert db.sql("SELECT $1 + 1, $2", params=[41, "O'Hara"]).rows() == [(42, "O'Hara")]
    assert db.sql("SELECT $low < 2, $none IS NULL", params={"low": 1.5, "none": None}).rows() == [(True, True)]
    assert db.sql("SELECT DATE '2026-01-31' = $1", params=[datetime.date(2026, 1, 31)]).scalar() is True
    numpy = pytest.importorskip("numpy")
    assert db.sql("SELECT $1", params=[numpy.int64(3)]).scalar() == 3
    typed = [decimal.Decimal("1.104"), datetime.datetime(2026, 1, 31, 10), datetime.timedelta(hours=36), [1, 3], 2**70, None]
    row = db.sql(
        "SELECT 1.10::DECIMAL(5, 2) < $1, TIMESTAMP '2026-02-01' > $2, $3 > INTERVAL '1 day', 3 IN $4, 4 IN $4, $5 > 0, $6 IS NULL",
        params=typed,
    ).rows()[0]
    assert row == (True, True, True, True, False, True, True)
    assert db.sql("SELECT $1; SELECT $2", params=[1, 2]).scalar() == 2
    for wrong in [[object()], "west"]:
        with pytest.raises(plusminus.SqlError, match="Try: "):
            db.sql("SELECT $1", params=wrong)


def test_scripts_end_with_their_last_answer(db):
    assert db.sql("CREATE TABLE t AS SELECT 1 AS a; SELECT a + 1 FROM t").scalar() == 2
    assert pandas.DataFrame(db.sql("SELECT 1 AS a").to_pandas()).shape == (1, 1)
