"""Times a join in DuckDB on its own storage, and a sample of its rows written to Parquet.

Reads a JSON document from stdin, {"database": file, "tables": [[name, glob], ...], "join": text, "percent": n, "file": file}, and prints
{"version": text, "count_seconds": n, "sample_seconds": n, "sample_bytes": n}. The tables are imported unless they are there.
"""

import json
import os
import sys
import time

import duckdb


def timed(connection, sql):
    start = time.perf_counter()
    connection.execute(sql).fetchall()
    return time.perf_counter() - start


def main():
    ask = json.load(sys.stdin)
    connection = duckdb.connect(ask["database"])
    known = [row[0] for row in connection.execute("SHOW TABLES").fetchall()]
    for name, files in ask["tables"]:
        if name not in known:
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM read_parquet('{files}')")
    connection.execute("SET threads = 2")
    join, percent, file = ask["join"], ask["percent"], ask["file"]
    columns = "count(l_tax), count(o_clerk), count(c_name), count(n_name), count(r_name), count(s_name), count(p_name)"
    count = timed(connection, f"SELECT {columns} FROM {join}")
    rows = f"SELECT * FROM {join} USING SAMPLE {percent} PERCENT (bernoulli)"
    sample = timed(connection, f"COPY ({rows}) TO '{file}' (FORMAT parquet, COMPRESSION zstd)")
    found = {
        "version": duckdb.__version__,
        "count_seconds": count,
        "sample_seconds": sample,
        "sample_bytes": os.path.getsize(file),
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
