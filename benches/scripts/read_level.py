"""Reads a sample with DuckDB and with pyarrow, weights it, and compares with PlusMinus.

    pip install duckdb pyarrow
    python3 benches/scripts/read_level.py PLUSMINUS STORE SAMPLE TABLE_SQL MEASURE

PLUSMINUS is the binary, TABLE_SQL what stands in FROM (such as "'flights.parquet'"), MEASURE a numeric column.
Exits with 1 when the three estimates of SUM(MEASURE) differ by more than 1e-9.
"""

import glob
import json
import subprocess
import sys

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq


def newest_data_folder(store, sample):
    manifests = sorted(glob.glob(f"{store}/samples/{sample}/generation-*.json"))
    with open(manifests[-1]) as file:
        return f"{store}/samples/{sample}/{json.load(file)['content']['data_folder']}"


def by_duckdb(files, measure):
    query = f"""
        SELECT SUM({measure} * weight) FROM (
            SELECT {measure}, __stratum_rows / COUNT(*) OVER (PARTITION BY __stratum) AS weight
            FROM read_parquet({files!r}))"""
    return duckdb.sql(query).fetchall()[0][0]


def by_pyarrow(files, measure):
    tables = [pq.read_table(file, columns=[measure, "__stratum", "__stratum_rows"]) for file in files]

    rows = pa.concat_tables(tables)
    total = 0.0
    strata = rows.group_by("__stratum").aggregate([(measure, "sum"), ("__stratum_rows", "max"), ("__stratum", "count")])
    for row in strata.to_pylist():
        if row[f"{measure}_sum"] is not None:
            total += float(row[f"{measure}_sum"]) * row["__stratum_rows_max"] / row["__stratum_count"]
    return total


def by_plusminus(binary, store, sample, table, measure):
    sql = f"SET plusminus.sample = '{sample}'; SELECT SUM({measure}) FROM {table} WITHIN 60 SECONDS"
    command = [binary, "query", "--store", store, "--format", "json", "-c", sql]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["report"]["mode"] == "approximate", answer["report"]
    return float(answer["rows"][0][0]["est"])


def main():
    binary, store, sample, table, measure = sys.argv[1:]
    files = sorted(glob.glob(f"{newest_data_folder(store, sample)}/level-*.parquet"))
    estimates = {
        "plusminus": by_plusminus(binary, store, sample, table, measure),
        "duckdb": by_duckdb(files, measure),
        "pyarrow": by_pyarrow(files, measure),
    }
    for name, estimate in estimates.items():
        print(f"{name:>10}: {estimate!r}")
    reference = estimates["plusminus"]
    # PlusMinus rounds the sum of whole numbers to a whole number.
    differ = [n for n, e in estimates.items() if abs(e - reference) > max(0.5, 1e-9 * abs(reference))]
    sys.exit(f"differ: {differ}" if differ else 0)


main()
