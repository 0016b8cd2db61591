"""Times queries in DuckDB: on its own storage, on Parquet, and on rows sampled by hand.

Reads a JSON document from stdin, {"database": file, "table": name, "parquet": glob, "runs": n, "percent": p,
"queries": [{"sql": text, "keys": n, "totals": [column, ...]}, ...]}, and prints {"version": text, "threads": n, "queries":
[{"native": [ms, ...], "parquet": [...], "sampled": [...], "sampled_error": e or null}, ...]}. The first run of each query warms the
caches and is not counted. The table is imported once.

The error is the median over the runs of the largest relative error of any cell, totals multiplied by what the sample is of the
table; null where a group was missing in most of the runs.
"""

import json
import math
import statistics
import sys
import time

import duckdb


def timed(connection, sql, runs):
    """Milliseconds and rows of each run."""
    times, answers = [], []
    for _ in range(runs + 1):
        start = time.perf_counter()
        rows = connection.execute(sql).fetchall()
        times.append(1e3 * (time.perf_counter() - start))
        answers.append(rows)
    return times[1:], answers[1:]


def by_key(rows, keys, factors):
    values = lambda row: [float(v) * f if v is not None else math.nan for v, f in zip(row[keys:], factors)]
    return {row[:keys]: values(row) for row in rows}


def largest_error(rows, exact, keys, factors):
    found, truth = by_key(rows, keys, factors), by_key(exact, keys, [1.0] * len(factors))
    if not truth.keys() <= found.keys():
        return math.inf
    errors = [abs(a - b) / abs(b) for key in truth for a, b in zip(found[key], truth[key])]
    return math.inf if any(math.isnan(error) for error in errors) else max(errors)


def sampled_error(connection, query, answers, exact, percent):
    columns = [column[0] for column in connection.execute(query["sql"]).description][query["keys"] :]
    factors = [100.0 / percent if column in query["totals"] else 1.0 for column in columns]
    error = statistics.median(largest_error(rows, exact, query["keys"], factors) for rows in answers)
    return error if math.isfinite(error) else None


def main():
    ask = json.load(sys.stdin)
    connection = duckdb.connect(ask["database"])
    table, runs = ask["table"], ask["runs"]
    tables = [row[0] for row in connection.execute("SHOW TABLES").fetchall()]
    if table not in tables:
        connection.execute(f"CREATE TABLE {table} AS SELECT * FROM read_parquet('{ask['parquet']}')")
    found = []
    for query in ask["queries"]:
        sql, source = query["sql"], f"FROM {table}"
        parquet = sql.replace(source, f"FROM read_parquet('{ask['parquet']}')", 1)
        sample = f"FROM (SELECT * FROM {table} USING SAMPLE {ask['percent']} % (system)) AS s"
        native, exact = timed(connection, sql, runs)
        on_parquet, _ = timed(connection, parquet, runs)
        sampled, answers = timed(connection, sql.replace(source, sample, 1), runs)
        error = sampled_error(connection, query, answers, exact[0], ask["percent"])
        found.append({"native": native, "parquet": on_parquet, "sampled": sampled, "sampled_error": error})
    threads = connection.execute("SELECT current_setting('threads')").fetchone()[0]
    json.dump({"version": duckdb.__version__, "threads": threads, "queries": found}, sys.stdout)


if __name__ == "__main__":
    main()
