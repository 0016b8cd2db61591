"""Tables: files, data frames, Arrow tables, and variables by their names."""

import threading

import pandas
import polars
import pyarrow
import pytest

import plusminus


def test_variables_are_tables(db, trips):
    frame, lazy, Arrow = trips.to_pandas(), polars.from_arrow(trips).lazy(), trips  # noqa: N806
    polar = polars.from_arrow(trips)
    for name in ["frame", "polar", "lazy", "Arrow", "trips"]:
        assert db.sql(f"SELECT count(*) FROM {name} WHERE miles >= 50").scalar() == 10_000
    with pytest.raises(plusminus.SqlError, match="there is no table named 'nowhere'"):
        db.sql("SELECT * FROM nowhere")


def test_a_variable_is_read_again(db):
    frame = pandas.DataFrame({"x": [1, 2]})
    assert db.sql("SELECT sum(x) FROM frame").scalar() == 3
    frame.loc[0, "x"] = 10
    assert db.sql("SELECT sum(x) FROM frame").scalar() == 12
    frame = polars.DataFrame({"x": [5]})
    assert db.sql("SELECT sum(x) FROM frame").scalar() == 5


def test_frames_are_private_to_a_call(db):
    def inner():
        frame = pandas.DataFrame({"x": [7]})
        return db.sql("SELECT sum(x) FROM frame").scalar(), len(frame)

    assert inner() == (7, 1)
    with pytest.raises(plusminus.SqlError, match="no table named 'frame'"):
        db.sql("SELECT * FROM frame")
    assert db.tables() == []

    def work(number):
        frame = pandas.DataFrame({"x": [number] * 1000})
        return [db.sql("SELECT sum(f.x), max(frame2.x) FROM frame f, (SELECT x FROM frame) frame2").rows() for _ in range(10)], frame

    threads, wrong = [], []
    for number in range(1, 7):

        def run(number=number):
            found, _ = work(number)
            wrong.extend(rows for rows in found if rows != [(number * 1_000_000, number)])

        threads.append(threading.Thread(target=run))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    with pytest.raises(plusminus.SqlError, match="no table named 'iv'"):
        iv = pandas.DataFrame({"x": [1]})
        db.sql("INSERT INTO iv VALUES (5)")
    with pytest.raises(plusminus.SqlError, match="outlive"):
        db.sql("CREATE VIEW v AS SELECT * FROM iv")
    assert [db.sql("SELECT x FROM iv").scalar() for _ in range(2)] == [1, 1] and len(iv) == 1
    db.sql("CREATE TABLE iv AS SELECT x + 1 AS x FROM iv")
    assert db.sql("FROM iv WHERE x > 0").scalar() == 2


def test_frames_of_every_kind_of_name_and_shape(db):
    A, a = pandas.DataFrame({"x": [1]}), pandas.DataFrame({"x": [2]})  # noqa: N806
    assert db.sql("SELECT x FROM a").scalar() == 2 and db.sql('SELECT x FROM "A"').scalar() == 1 and len(A) == len(a)
    indexed = pandas.DataFrame({"x": [3, 4]}, index=pandas.Index([7, 8], name="x2"))
    assert db.sql("SELECT * FROM indexed").columns == ["x"] and len(indexed) == 2
    reader = pyarrow.RecordBatchReader.from_batches(pyarrow.schema([("x", pyarrow.int64())]), [])
    with pytest.raises(plusminus.SqlError, match="read only once"):
        db.sql("SELECT * FROM reader")
    assert reader is not None
    db.register("Trips", a)
    assert len(db.table("Trips")) == 1 and db.sql("SELECT x FROM trips").scalar() == 2
    with pytest.raises(plusminus.SqlError, match="no name"):
        db.register("a.b", a)


def test_a_table_of_the_session_goes_before_a_variable(db):
    db.sql("CREATE TABLE frame AS SELECT 7 AS x")
    frame = pandas.DataFrame({"x": [1]})
    assert db.sql("SELECT x FROM frame").scalar() == 7 and len(frame) == 1


def test_tables_are_registered_described_and_sampled(db, trips, tmp_path):
    table = db.register("trips", trips)
    assert table.columns == ["region", "miles", "day"] and table.types[1] == "DOUBLE" and len(table) == 20_000
    assert table.head(2).rows()[0][1] == 0.0
    assert table.sample(size="10%") == "trips_all" and "trips_all" in str(db.samples())
    assert table.sql("avg(miles)", error=0.1).met is True
    assert "miles" in str(table.summarize())
    assert db.tables() == ["trips"] and "<table" in table._repr_html_()
    pandas.DataFrame({"a": [1, 2, 3]}).to_csv(tmp_path / "a b.csv", index=False)
    assert len(db.table(tmp_path / "a b.csv")) == 3
    assert db.sql(f"SELECT sum(a) FROM '{tmp_path / 'a b.csv'}'").scalar() == 6
    with pytest.raises(plusminus.SqlError, match="no table"):
        db.register("x", 5)


def test_samples_take_every_option(db, trips):
    db.register("trips", trips)
    names = [
        db.sample("trips", stratified_by="region", size=0.1, levels=3, seed=5),
        db.sample("trips", universe_on="day", size="50%"),
        db.sample("trips", name="whole", size=4_000, tail="miles", replace=True),
    ]
    assert names == ["trips_by_region", "trips_on_day", "whole"]
    assert len(db.samples()) == 3
    for wrong in [{"size": "big"}, {"size": "1%", "cap": 5}, {"universe_on": ["day"]}]:
        with pytest.raises(plusminus.SqlError, match="Try: "):
            db.sample("trips", **wrong)
    frame = trips.to_pandas()
    name = db.sample("frame", size="10%")
    assert db.sql("SELECT avg(miles) FROM frame", error=0.2).report["sample"] == name and len(frame) == 20_000


def test_numbers_of_arrow_survive_the_way_there_and_back(db):
    kinds = pyarrow.table(
        {
            "i": pyarrow.array([1, None, 3], pyarrow.int32()),
            "s": pyarrow.array(["a", None, "ü"], pyarrow.string_view()),
            "t": pyarrow.array([0, 1, None], pyarrow.timestamp("us")),
            "b": pyarrow.array([b"x", None, b""], pyarrow.binary()),
            "d": pyarrow.array(["a", "a", None]).dictionary_encode(),
        }
    )
    back = db.sql("SELECT * FROM kinds").to_arrow()
    assert back.column("i").to_pylist() == [1, None, 3] and back.column("t").type == pyarrow.timestamp("us")
    assert back.column("s").to_pylist() == ["a", None, "ü"] and back.column("b").to_pylist() == [b"x", None, b""]
    assert back.column("d").to_pylist() == ["a", "a", None]


def test_sessions_serve_several_threads_without_pythons_lock(db, trips):
    db.register("trips", trips)
    sums = []
    query = "SELECT sum(miles) FROM trips"
    threads = [threading.Thread(target=lambda: sums.append(db.sql(query).scalar())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sums == [990_000.0] * 8
