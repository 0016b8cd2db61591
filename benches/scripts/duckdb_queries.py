"""Times queries in DuckDB on Parquet files.

Reads a JSON document from stdin, {"tables": {name: glob, ...}, "runs": n, "queries": [text, ...]}, and prints {"version": text,
"threads": n, "queries": [ms or null, ...]}: the median of the runs after the first, null where DuckDB does not know the query.
"""

import json
import statistics
import sys
import time

import duckdb


def median(connection, sql, runs):
    times = []
    try:
        for _ in range(runs + 1):
            start = time.perf_counter()
            connection.execute(sql).fetchall()
            times.append(1e3 * (time.perf_counter() - start))
    except duckdb.Error:
        return None
    return statistics.median(times[1:])


def main():
    ask = json.load(sys.stdin)
    connection = duckdb.connect()
    for name, files in ask["tables"].items():
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{files}')")
    found = [median(connection, sql, ask["runs"]) for sql in ask["queries"]]
    threads = connection.execute("SELECT current_setting('threads')").fetchone()[0]
    json.dump({"version": duckdb.__version__, "threads": threads, "queries": found}, sys.stdout)


if __name__ == "__main__":
    main()
