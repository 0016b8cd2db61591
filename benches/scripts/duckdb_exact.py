"""Times queries in DuckDB: on its own storage, on Parquet, and on rows sampled by hand.

Reads a JSON document from stdin, {"database": file, "table": name, "parquet": glob, "runs": n, "percent": p,
"queries": [sql, ...]}, and prints {"version": text, "threads": n, "queries": [{"native": [ms, ...], "parquet": [...],
"sampled": [...]}, ...]}. The first run of each query warms the caches and is not counted. The table is imported once.
"""

import json
import sys
import time

import duckdb


def timed(connection, sql, runs):
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        connection.execute(sql).fetchall()
        times.append(1e3 * (time.perf_counter() - start))
    return times[1:]


def main():
    ask = json.load(sys.stdin)
    connection = duckdb.connect(ask["database"])
    table, runs = ask["table"], ask["runs"]
    tables = [row[0] for row in connection.execute("SHOW TABLES").fetchall()]
    if table not in tables:
        connection.execute(f"CREATE TABLE {table} AS SELECT * FROM read_parquet('{ask['parquet']}')")
    found = []
    for sql in ask["queries"]:
        parquet = sql.replace(f"FROM {table}", f"FROM read_parquet('{ask['parquet']}')", 1)
        sampled = sql.replace(f"FROM {table}", f"FROM (SELECT * FROM {table} USING SAMPLE {ask['percent']} % (system)) AS s", 1)
        found.append(
            {
                "native": timed(connection, sql, runs),
                "parquet": timed(connection, parquet, runs),
                "sampled": timed(connection, sampled, runs),
            }
        )
    threads = connection.execute("SELECT current_setting('threads')").fetchone()[0]
    json.dump({"version": duckdb.__version__, "threads": threads, "queries": found}, sys.stdout)


if __name__ == "__main__":
    main()
