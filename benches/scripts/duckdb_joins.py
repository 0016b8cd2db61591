"""Times queries in DuckDB, on its own storage and on Parquet files.

Reads a JSON document from stdin, {"database": file, "tables": {name: glob, ...}, "runs": n, "queries": [text, ...]}, and prints
{"version": text, "native": [ms or null, ...], "parquet": [...]}: medians of the runs after the first, null where a query fails. The
tables are imported once.
"""

import json
import sys

import duckdb
from duckdb_queries import median


def main():
    ask = json.load(sys.stdin)
    native = duckdb.connect(ask["database"])
    known = [row[0] for row in native.execute("SHOW TABLES").fetchall()]
    parquet = duckdb.connect()
    for name, files in ask["tables"].items():
        if name not in known:
            native.execute(f"CREATE TABLE {name} AS SELECT * FROM read_parquet('{files}')")
        parquet.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{files}')")
    for connection in [native, parquet]:
        connection.execute("SET threads = 2")
    found = {
        "version": duckdb.__version__,
        "native": [median(native, sql, ask["runs"]) for sql in ask["queries"]],
        "parquet": [median(parquet, sql, ask["runs"]) for sql in ask["queries"]],
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
