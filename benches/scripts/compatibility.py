"""Compares PlusMinus with DuckDB on many kinds of files and forms of SQL, and prints the comparison as Markdown.

    python benches/scripts/compatibility.py path/to/plusminus > docs/compatibility.md

Needs duckdb and pyarrow. Each form runs in a temporary folder of its own, in both programs, and the rows of its last answer are
compared as text and numbers, in any order. A form that PlusMinus does not answer as DuckDB does may have a second spelling, which
the note gives if it does answer alike.
"""

import bz2
import codecs
import datetime
import decimal
import gzip
import json
import math
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow
from pyarrow import feather, ipc, orc, parquet

WIDTH = 100
EXTENSION, OTHERWISE = "with its extension", "other answer"


@dataclass
class Form:
    """One row of a table: `sql` runs in both programs, unless `duckdb` is DuckDB's spelling; `works` is PlusMinus's own."""

    name: str
    sql: str
    make: object = lambda: None
    duckdb: str = ""
    works: str = ""
    ordered: bool = False


# Files.


def write(path, data):
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data.encode() if isinstance(data, str) else data)


def text(path, data):
    return lambda: write(path, data)


def several(*makers):
    return lambda: [maker() for maker in makers]


def table(path, columns, **options):
    """Writes a Parquet file of `columns`, values or Arrow arrays by name."""

    def make():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(pyarrow.table(columns), path, **options)

    return make


def typed(path, kind, *values):
    return table(path, {"v": pyarrow.array(values, kind)})


def arrow(path, stream=False, **columns):
    def make():
        data = pyarrow.table(columns)
        with (ipc.new_stream if stream else ipc.new_file)(path, data.schema) as writer:
            writer.write_table(data)

    return make


def written_feather():
    feather.write_feather(pyarrow.table(PLAIN), "t.feather", compression="zstd")


def written_orc():
    orc.write_table(pyarrow.table(PLAIN), "t.orc")


def written_sqlite():
    connection = sqlite3.connect("t.sqlite")
    connection.executescript("CREATE TABLE t (k TEXT, v INTEGER); INSERT INTO t VALUES ('a', 1), ('b', 2);")
    connection.close()


def written_duckdb():
    with duckdb.connect("t.duckdb") as connection:
        connection.execute("CREATE TABLE t AS SELECT 'a' AS k, 1 AS v")


def written_excel():
    office = "http://schemas.openxmlformats.org"
    main, relations = f"{office}/spreadsheetml/2006/main", f"{office}/officeDocument/2006/relationships"
    package, content = f"{office}/package/2006/relationships", "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{office}/package/2006/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" '
        f'ContentType="{content}.sheet.main+xml"/><Override PartName="/xl/sheet.xml" ContentType="{content}.worksheet+xml"/>'
        "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" Type="{relations}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets><sheet name="t" sheetId="1" r:id="r1"/>'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" Type="{relations}/worksheet" '
        'Target="sheet.xml"/></Relationships>',
        "xl/sheet.xml": f'<worksheet xmlns="{main}"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>v</t></is></c></row>'
        '<row r="2"><c r="A2"><v>1</v></c></row></sheetData></worksheet>',
    }
    with zipfile.ZipFile("t.xlsx", "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)


def written_avro():
    """An Avro file of one record, {"v": 1}; lengths and counts are zigzag numbers."""
    sized = lambda data: bytes([len(data) * 2 & 0x7F | 0x80, len(data) * 2 >> 7]) + data
    schema = b'{"type":"record","name":"t","fields":[{"name":"v","type":"long"}]}'
    header = b"Obj\x01\x02" + sized(b"avro.schema") + sized(schema) + b"\x00"
    write("t.avro", header + b"s" * 16 + b"\x02\x02\x02" + b"s" * 16)


PLAIN = {"k": ["a", "b", None], "v": [1, 2, None], "x": [0.5, -2.25, 1e300]}
CSV = "k,v,x\na,1,0.5\nb,2,-2.25\n"
LINES = '{"k":"a","v":1}\n{"k":"b","v":2}\n'
NESTED = '{"k":"a","o":{"p":1,"q":[1,2]}}\n{"k":"b","o":{"p":2,"q":[]}}\n'
SMALL, OTHER = {"k": ["a"], "v": [1]}, {"k": ["b"], "v": [2]}
INSTANT = datetime.datetime(2024, 2, 29, 12, 30, 45)
PAIRS = pyarrow.array([[("p", 1), ("q", 2)]], pyarrow.map_(pyarrow.string(), pyarrow.int64()))
RECORDS = [{"p": 1, "q": {"r": "x"}}, {"p": 2, "q": {"r": "y"}}]


def stamp(unit, zone=None):
    seconds = int(INSTANT.replace(tzinfo=datetime.timezone.utc).timestamp())
    value = seconds * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    kind, name = pyarrow.timestamp(unit, zone), f"Parquet, timestamp in {unit}{f', zone {zone}' if zone else ''}"
    return Form(name, "SELECT v FROM 't.parquet'", typed("t.parquet", kind, value + (unit != "s"), None), AS_TEXT)


AS_TEXT = "SELECT CAST(v AS VARCHAR) FROM 't.parquet'"
ALL, KV, V = "SELECT * FROM", "SELECT k, v FROM", "SELECT v FROM"
TWO = several(table("p1.parquet", SMALL), table("p2.parquet", OTHER))
FOLDER = several(table("d/p1.parquet", SMALL), table("d/p2.parquet", OTHER))
TREE = several(table("d/p.parquet", SMALL), table("d/e/f/p.parquet", OTHER))
HIDDEN = several(FOLDER, table("d/.p.parquet", OTHER), table("d/_p.parquet", OTHER))
MARKS = several(FOLDER, text("d/_SUCCESS", ""), text("d/.p.crc", "x"))


def hive(first, second):
    return several(table(f"d/{first}/p.parquet", {"v": [1]}), table(f"d/{second}/p.parquet", {"v": [2]}))


def mixed(first, second):
    return several(table("p1.parquet", first), table("p2.parquet", second))


def by_name(columns):
    return f"SELECT {columns} FROM read_parquet('*.parquet', union_by_name = true)"


def zstandard(path, data):
    return lambda: write(path, pyarrow.compress(data.encode(), codec="zstd", asbytes=True))


PARQUET = [
    *(
        Form(
            f"Parquet, {codec.replace('none', 'not compressed')}",
            f"{ALL} 't.parquet'",
            table("t.parquet", PLAIN, compression=codec),
        )
        for codec in ("none", "snappy", "gzip", "zstd", "lz4", "brotli")
    ),
    Form(
        "Parquet, dictionary",
        f"{ALL} 't.parquet'",
        table("t.parquet", {"v": pyarrow.array(["a", "b", "a"]).dictionary_encode()}),
    ),
    Form("Parquet, list", f"{ALL} 't.parquet'", table("t.parquet", {"v": [[1, 2], [], [3, None], None]})),
    Form("Parquet, struct", f"{ALL} 't.parquet'", table("t.parquet", {"v": RECORDS})),
    Form(
        "Parquet, field of a struct",
        "SELECT v.q.r FROM 't.parquet'",
        table("t.parquet", {"v": RECORDS}),
        works="SELECT v['q']['r'] FROM 't.parquet'",
    ),
    Form("Parquet, map", f"{ALL} 't.parquet'", table("t.parquet", {"v": PAIRS})),
    Form(
        "Parquet, decimal of 18 digits",
        f"{ALL} 't.parquet'",
        typed("t.parquet", pyarrow.decimal128(18, 2), decimal.Decimal("1234567890123456.78"), None),
    ),
    Form(
        "Parquet, decimal of 38 digits",
        f"{ALL} 't.parquet'",
        typed("t.parquet", pyarrow.decimal128(38, 0), decimal.Decimal(10**37 + 1), None),
    ),
    Form("Parquet, unsigned 64 bits", f"{ALL} 't.parquet'", typed("t.parquet", pyarrow.uint64(), 2**64 - 1, 0)),
    Form("Parquet, 8 bits", f"{ALL} 't.parquet'", typed("t.parquet", pyarrow.int8(), -128, 127)),
    Form("Parquet, float of 16 bits", f"{ALL} 't.parquet'", typed("t.parquet", pyarrow.float16(), 0.5, 2.0)),
    Form("Parquet, float of 16 bits, sum", "SELECT sum(v) FROM 't.parquet'", typed("t.parquet", pyarrow.float16(), 0.5, 2.0)),
    Form("Parquet, NaN and infinity", f"{ALL} 't.parquet'", typed("t.parquet", pyarrow.float64(), math.nan, math.inf, -math.inf)),
    *(stamp(unit) for unit in ("s", "ms", "us", "ns")),
    *(stamp(unit, "UTC") for unit in ("s", "ms", "us", "ns")),
    stamp("us", "Europe/Berlin"),
    Form("Parquet, date", f"{ALL} 't.parquet'", typed("t.parquet", pyarrow.date32(), INSTANT.date(), None)),
    Form("Parquet, time", f"{ALL} 't.parquet'", typed("t.parquet", pyarrow.time64("us"), INSTANT.time(), None)),
    Form("Parquet, time in ms", f"{ALL} 't.parquet'", typed("t.parquet", pyarrow.time32("ms"), INSTANT.time(), None)),
    Form("Parquet, binary", f"{ALL} 't.parquet'", typed("t.parquet", pyarrow.binary(), b"\x00\xff", None)),
    Form("Parquet, binary of fixed size", f"{ALL} 't.parquet'", typed("t.parquet", pyarrow.binary(2), b"\x00\xff", None)),
    Form("Parquet, only NULLs", f"{ALL} 't.parquet'", typed("t.parquet", pyarrow.null(), None, None)),
    Form("Parquet, no rows", f"{ALL} 't.parquet'", typed("t.parquet", pyarrow.int64())),
    Form(
        "Parquet, upper-case column",
        "SELECT Name FROM 't.parquet'",
        table("t.parquet", {"Name": ["a"]}),
        works="SELECT \"Name\" FROM 't.parquet'",
    ),
    Form("Parquet, column in quotes", "SELECT \"a b\" FROM 't.parquet'", table("t.parquet", {"a b": [1]})),
    Form("read_parquet", f"{ALL} read_parquet('t.parquet')", table("t.parquet", SMALL), works=f"{ALL} 't.parquet'"),
    Form(
        "read_parquet of a list",
        f"{KV} read_parquet(['p1.parquet', 'p2.parquet'])",
        TWO,
        works=f"{KV} 'p[12].parquet'",
    ),
]

PATHS = [
    Form("`*`", f"{KV} '*.parquet'", TWO),
    Form("`?`", f"{KV} 'p?.parquet'", TWO),
    Form("`[12]`", f"{KV} 'p[12].parquet'", TWO),
    Form("`{1,2}`", f"{KV} 'p{{1,2}}.parquet'", TWO, works=f"{KV} 'p[12].parquet'"),
    Form("`**`", f"{KV} 'd/**/*.parquet'", TREE),
    Form("`*` for a folder", f"{KV} '*/p1.parquet'", FOLDER),
    Form("Folder", f"{KV} 'd'", FOLDER, f"{KV} 'd/*.parquet'"),
    Form("Folder with `/`", f"{KV} 'd/'", FOLDER, f"{KV} 'd/*.parquet'"),
    Form("Folder in a folder", f"{KV} 'd/'", TREE, f"{KV} 'd/**/*.parquet'"),
    Form("Folder with `_SUCCESS` and `.crc`", f"{KV} 'd/'", MARKS, f"{KV} 'd/*.parquet'"),
    Form("Hidden files under `*`", f"{KV} 'd/*.parquet'", HIDDEN),
    Form("Hidden file, named", f"{KV} '_t.parquet'", table("_t.parquet", SMALL)),
    Form("Glob of nothing", f"{ALL} '*.parquet'"),
    Form("Folder of nothing", f"{ALL} 'd/'", lambda: Path("d").mkdir(), f"{ALL} 'd/*.parquet'"),
    Form("Space in a path", f"{KV} 'a b.parquet'", table("a b.parquet", SMALL)),
    Form("Brackets in a path", f"{KV} 'a[1].parquet'", table("a[1].parquet", SMALL), f"{KV} 'a[[]1].parquet'"),
    Form("Percent sign in a path", f"{KV} 'a%20b.parquet'", table("a%20b.parquet", SMALL)),
    Form("Hash sign in a path", f"{KV} 'a#b.parquet'", table("a#b.parquet", SMALL)),
    Form("Quote in a path", f"{KV} 'a''b.parquet'", table("a'b.parquet", SMALL)),
    Form("Unicode in a path", f"{KV} 'größe 数.parquet'", table("größe 数.parquet", SMALL)),
    Form("Path in double quotes", f'{KV} "t.parquet"', table("t.parquet", SMALL)),
    Form("Upper-case ending", f"{KV} 'T.PARQUET'", table("T.PARQUET", SMALL)),
    Form("Parquet without an ending", f"{KV} 't'", table("t", SMALL), f"{KV} read_parquet('t')"),
    Form("CSV without an ending", f"{ALL} 't'", text("t", CSV), f"{ALL} read_csv('t')"),
    Form("Unknown ending", f"{ALL} 't.dat'", text("t.dat", CSV), f"{ALL} read_csv('t.dat')"),
    Form("read_parquet with union_by_name", by_name("k, v"), mixed(SMALL, {"k": ["b"]}), works=f"{KV} '*.parquet'"),
    Form("Absent column", f"{KV} '*.parquet'", mixed(SMALL, {"k": ["b"]}), by_name("k, v")),
    Form("Columns in another order", f"{KV} '*.parquet'", mixed(SMALL, {"v": [2], "k": ["b"]})),
    Form(
        "Integers of 32 and 64 bits", f"{V} '*.parquet'", mixed({"v": pyarrow.array([1], "int32")}, {"v": [2**40]}), by_name("v")
    ),
    Form(
        "Integers of 64 and 32 bits", f"{V} '*.parquet'", mixed({"v": [2**40]}, {"v": pyarrow.array([1], "int32")}), by_name("v")
    ),
    Form("Integers and floats", f"{V} '*.parquet'", mixed({"v": [1]}, {"v": [2.5]}), by_name("v")),
    Form("Integers and text", f"{V} '*.parquet'", mixed({"v": [1]}, {"v": ["a"]}), by_name("v")),
    Form(
        "CSV, absent column",
        f"{KV} '*.csv'",
        several(text("p1.csv", "k,v\na,1\n"), text("p2.csv", "k\nb\n")),
        f"{KV} read_csv('*.csv', union_by_name = true)",
    ),
    Form(
        "CSV, integers and floats",
        f"{V} '*.csv'",
        several(text("p1.csv", "k,v\na,1\n"), text("p2.csv", "k,v\nb,2.5\n")),
        f"{V} read_csv('*.csv', union_by_name = true)",
    ),
    Form("Hive, integers", "SELECT v, y + 1 FROM 'd/**/*.parquet'", hive("y=2023", "y=2024")),
    Form("Hive, a folder", "SELECT v, y FROM 'd/'", hive("y=2023", "y=2024"), "SELECT v, y FROM 'd/**/*.parquet'"),
    Form("Hive, dates", "SELECT v, date_part('month', y) FROM 'd/**/*.parquet'", hive("y=2023-01-31", "y=2024-02-29")),
    Form("Hive, text", "SELECT v, y || '!' FROM 'd/**/*.parquet'", hive("y=a", "y=b")),
    Form("Hive, leading zeros", "SELECT v, y FROM 'd/**/*.parquet'", hive("y=01", "y=02")),
    Form("Hive, NULL", "SELECT v, y FROM 'd/**/*.parquet'", hive("y=1", "y=__HIVE_DEFAULT_PARTITION__")),
    Form("Hive, escaped text", "SELECT v, y FROM 'd/**/*.parquet'", hive("y=a%20b", "y=c")),
    Form("Hive, two levels", "SELECT v, y, z FROM 'd/**/*.parquet' WHERE z > 1", hive("y=1/z=1", "y=1/z=2")),
    Form("Hive, numbers then text", "SELECT v, y FROM 'd/**/*.parquet'", hive("y=1", "y=a")),
]

COMMA, OPTIONS = f"{ALL} 't.csv'", "CREATE EXTERNAL TABLE u STORED AS CSV LOCATION 't.csv' OPTIONS ("


def csv(name, data, duckdb="", works="", sql=COMMA):
    return Form(
        f"CSV, {name}",
        sql,
        text("t.csv", data),
        duckdb and f"{ALL} read_csv('t.csv', {duckdb})",
        works and f"{OPTIONS}{works}); {ALL} u",
    )


QUOTED = 'k,v\n"a, ""b""",1\n"two\nlines",2\n'
TEXT = [
    csv("`,`", CSV),
    csv("`;`", CSV.replace(",", ";"), works="'format.delimiter' ';', 'format.has_header' 'true'"),
    csv("tab", CSV.replace(",", "\t"), works="'format.delimiter' E'\\t', 'format.has_header' 'true'"),
    csv("`|`", CSV.replace(",", "|"), works="'format.delimiter' '|', 'format.has_header' 'true'"),
    csv("without a header", "a,1,0.5\nb,2,1.5\n", works="'format.has_header' 'false'"),
    csv("only text, with a header", "k,l\na,b\nc,d\n", "header = true"),
    csv("quotes and line breaks", QUOTED),
    csv("single quotes", "k;v\n'a;b';1\n'c';2\n", "quote = '''', delim = ';'"),
    csv("byte-order mark", codecs.BOM_UTF8.decode() + CSV, sql="SELECT k, v, x FROM 't.csv'"),
    csv("UTF-16", ("\ufeff" + CSV).encode("utf-16-le"), "encoding = 'utf-16'"),
    csv("Latin-1", "k,v\ngröße,1\n".encode("latin-1"), "encoding = 'latin-1'"),
    csv("decimal comma", "k;v\na;1,5\nb;2,25\n", "decimal_separator = ','"),
    csv("CRLF", CSV.replace("\n", "\r\n")),
    csv("CR", CSV.replace("\n", "\r")),
    csv("no line break at the end", CSV.rstrip()),
    csv("blank line", "k,v\na,1\n\nb,2\n"),
    csv("comment line", "# made by hand\nk,v\na,1\n", "comment = '#'"),
    csv("short lines", "k,v,x\na,1\nb,2,3\n", "null_padding = true"),
    csv("long lines", "k,v\na,1\nb,2,3\n", "ignore_errors = true"),
    csv("empty fields", "k,v\na,\n,2\n"),
    csv("`NULL` and `NA`", "k,v\na,NULL\nb,NA\nc,3\n", "nullstr = ['NULL', 'NA']"),
    csv("text after many numbers", "k,v\n" + "a,1\n" * 3000 + "b,x\n", sql="SELECT v, count(*) FROM 't.csv' GROUP BY v"),
    csv("dates and times", "d,t\n2024-02-29,2024-02-29 12:30:45\n", sql="SELECT date_part('day', d), t FROM 't.csv'"),
    csv("day first", "d,v\n29/02/2024,1\n28/02/2024,2\n"),
    csv("true and false", "k,v\na,true\nb,false\n", sql="SELECT k, NOT v FROM 't.csv'"),
    csv("leading zeros", "k,v\na,007\nb,010\n"),
    csv("large integers", "k,v\na,99999999999999999999\n"),
    csv("spaces after `,`", "k, v\na, 1\nb, 2\n"),
    csv("the same name twice", "k,k\na,b\nc,d\n", "header = true"),
    csv("only a header", "k,v\n", "header = true"),
    csv("empty", "", sql=COMMA),
    Form("CSV, gzip", f"{ALL} 't.csv.gz'", lambda: write("t.csv.gz", gzip.compress(CSV.encode(), mtime=0))),
    Form("CSV, zstd", f"{ALL} 't.csv.zst'", zstandard("t.csv.zst", CSV)),
    Form("CSV, bzip2", f"{ALL} 't.csv.bz2'", lambda: write("t.csv.bz2", bz2.compress(CSV.encode()))),
    Form(
        "CSV, some gzip",
        "SELECT count(*) FROM 't*'",
        several(text("t.csv", CSV), lambda: write("t2.csv.gz", gzip.compress(CSV.encode()))),
        "SELECT count(*) FROM read_csv('t*')",
    ),
    Form("TSV", f"{ALL} 't.tsv'", text("t.tsv", CSV.replace(",", "\t"))),
    Form("TXT", f"{ALL} 't.txt'", text("t.txt", CSV), f"{ALL} read_csv('t.txt')"),
    Form("read_csv", f"{ALL} read_csv('t.csv')", text("t.csv", CSV), works=COMMA),
    Form("JSON lines, `.ndjson`", f"{ALL} 't.ndjson'", text("t.ndjson", LINES)),
    Form("JSON lines, `.jsonl`", f"{ALL} 't.jsonl'", text("t.jsonl", LINES)),
    Form("JSON lines, `.json`", f"{ALL} 't.json'", text("t.json", LINES)),
    Form("JSON, array", f"{ALL} 't.json'", text("t.json", '[{"k":"a","v":1},\n {"k":"b","v":2}]')),
    Form("JSON, one object over lines", f"{ALL} 't.json'", text("t.json", '{\n  "k": "a",\n  "v": 1\n}\n')),
    Form("JSON, gzip", f"{ALL} 't.json.gz'", lambda: write("t.json.gz", gzip.compress(LINES.encode(), mtime=0))),
    Form("JSON, zstd", f"{ALL} 't.json.zst'", zstandard("t.json.zst", LINES)),
    Form("JSON, nested", f"{ALL} 't.json'", text("t.json", NESTED)),
    Form("JSON, field of an object", "SELECT o.p FROM 't.json'", text("t.json", NESTED), works="SELECT o['p'] FROM 't.json'"),
    Form("JSON, order of columns", f"{ALL} 't.json'", text("t.json", '{"v":1,"k":"a"}\n'), works="SELECT v, k FROM 't.json'"),
    Form("JSON, absent fields", f"{ALL} 't.json'", text("t.json", '{"k":"a"}\n{"k":"b","v":2}\n')),
    Form("JSON, integers and floats", f"{ALL} 't.json'", text("t.json", '{"v":1}\n{"v":2.5}\n')),
    Form("JSON, numbers and text", f"{ALL} 't.json'", text("t.json", '{"v":1}\n{"v":"a"}\n')),
    Form("JSON, timestamps", "SELECT date_part('hour', t) FROM 't.json'", text("t.json", '{"t":"2024-02-29T12:30:45"}\n')),
    Form("JSON, empty", f"{ALL} 't.json'", text("t.json", "")),
    Form("read_json", f"{ALL} read_json('t.json')", text("t.json", LINES), works=f"{ALL} 't.json'"),
]

OTHERS = [
    Form("Arrow IPC file", f"{ALL} 't.arrow'", arrow("t.arrow", **PLAIN)),
    Form("Arrow IPC stream", f"{ALL} 't.arrows'", arrow("t.arrows", stream=True, **PLAIN)),
    Form("Arrow IPC stream, `.arrow`", f"{ALL} 't.arrow'", arrow("t.arrow", stream=True, **PLAIN)),
    Form("Arrow, `.ipc`", f"{ALL} 't.ipc'", arrow("t.ipc", **PLAIN)),
    Form("Feather, zstd", f"{ALL} 't.feather'", written_feather),
    Form("Excel", f"{ALL} 't.xlsx'", written_excel),
    Form("Avro", f"{ALL} 't.avro'", written_avro, f"{ALL} read_avro('t.avro')"),
    Form("ORC", f"{ALL} 't.orc'", written_orc),
    Form("SQLite", f"{ALL} 't.sqlite'", written_sqlite, f"{ALL} sqlite_scan('t.sqlite', 't')"),
    Form("DuckDB", f"{ALL} 't.duckdb'", written_duckdb, "ATTACH 't.duckdb' AS d (READ_ONLY); SELECT * FROM d.t"),
    Form("Parquet, empty file", f"{ALL} 't.parquet'", text("t.parquet", "")),
    Form("Parquet, cut short", f"{ALL} 't.parquet'", text("t.parquet", "PAR1 and no more")),
    Form("CSV named Parquet", f"{ALL} 't.parquet'", text("t.parquet", CSV), f"{ALL} read_csv('t.parquet')"),
    Form("File that does not exist", f"{ALL} 'none.parquet'"),
]

# SQL. Every form has the tables `t` and `u`.

ROWS = {
    "id": list(range(1, 9)),
    "g": ["a", "b", "a", "c", "b", "a", "c", None],
    "v": [5, 3, 8, 1, None, 2, 7, 4],
    "x": [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5],
    "d": [datetime.date(2024, 1, 1) + datetime.timedelta(days=17 * n) for n in range(8)],
    "ts": [datetime.datetime(2024, 1, 1, 6, 7, 8) + datetime.timedelta(hours=5 * n) for n in range(8)],
    "s": ["apple", "Banana", "cherry pie", "date", "elder", "fig", "Grape", None],
    "l": [[1, 2, 3], [4], [], [5, 6], [7], [8], [9], None],
}
KEYS = {"g": ["a", "b", "d"], "w": [10, 20, 40]}


def q(name, statement, works="", duckdb="", ordered=False):
    return Form(name, statement, works=works, duckdb=duckdb, ordered=ordered)


SELECTS = [
    q("GROUP BY ALL", "SELECT g, sum(v) FROM t GROUP BY ALL", "SELECT g, sum(v) FROM t GROUP BY g"),
    q("GROUP BY a number", "SELECT g, sum(v) FROM t GROUP BY 1"),
    q("GROUP BY an alias", "SELECT g || '!' AS h, count(*) FROM t GROUP BY h"),
    q("HAVING with an alias", "SELECT g, sum(v) AS total FROM t GROUP BY g HAVING total > 5"),
    q("WHERE with an alias", "SELECT v + 1 AS w FROM t WHERE w > 5", "SELECT * FROM (SELECT v + 1 AS w FROM t) WHERE w > 5"),
    q("An alias in the same SELECT", "SELECT v + 1 AS w, w * 2 FROM t"),
    q("ORDER BY ALL", "SELECT g, id FROM t ORDER BY ALL", "SELECT g, id FROM t ORDER BY g, id", ordered=True),
    q("ORDER BY, place of NULL", "SELECT v FROM t ORDER BY v", ordered=True),
    q(
        "ORDER BY DESC, place of NULL",
        "SELECT v FROM t ORDER BY v DESC",
        "SELECT v FROM t ORDER BY v DESC NULLS LAST",
        ordered=True,
    ),
    q("LIMIT and OFFSET", "SELECT id FROM t ORDER BY id LIMIT 2 OFFSET 3"),
    q("LIMIT in percent", "SELECT count(*) FROM (SELECT * FROM t LIMIT 50%)"),
    q("FETCH FIRST", "SELECT id FROM t ORDER BY id FETCH FIRST 2 ROWS ONLY", "SELECT id FROM t ORDER BY id LIMIT 2"),
    q("DISTINCT", "SELECT DISTINCT g FROM t"),
    q("DISTINCT ON", "SELECT DISTINCT ON (g) g, id FROM t ORDER BY g, id"),
    q("QUALIFY", "SELECT id FROM t QUALIFY row_number() OVER (PARTITION BY g ORDER BY id) = 1"),
    q("FILTER", "SELECT count(*) FILTER (WHERE v > 3) FROM t"),
    q("Window", "SELECT id, sum(v) OVER (PARTITION BY g ORDER BY id) FROM t"),
    q("Named window", "SELECT id, rank() OVER w FROM t WINDOW w AS (ORDER BY x)"),
    q(
        "Window over a range of days",
        "SELECT id, sum(v) OVER (ORDER BY d RANGE BETWEEN INTERVAL 20 DAYS PRECEDING AND CURRENT ROW) FROM t",
        "SELECT id, sum(v) OVER (ORDER BY d RANGE BETWEEN INTERVAL '20 DAYS' PRECEDING AND CURRENT ROW) FROM t",
    ),
    q(
        "Window with EXCLUDE",
        "SELECT id, sum(v) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) FROM t",
    ),
    q(
        "lag IGNORE NULLS",
        "SELECT id, lag(v IGNORE NULLS) OVER (ORDER BY id) FROM t",
        "SELECT id, lag(v) IGNORE NULLS OVER (ORDER BY id) FROM t",
    ),
    q("CTE", "WITH c AS (SELECT g, v FROM t) SELECT sum(v) FROM c"),
    q("CTE, MATERIALIZED", "WITH c AS MATERIALIZED (SELECT v FROM t) SELECT sum(v) FROM c"),
    q("Recursive CTE", "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 5) SELECT sum(n) FROM c"),
    q("Scalar subquery", "SELECT id FROM t WHERE v > (SELECT avg(v) FROM t)"),
    q("Correlated subquery", "SELECT id, (SELECT max(w) FROM u WHERE u.g = t.g) FROM t"),
    q("Correlated subquery with `<`", "SELECT id, (SELECT count(*) FROM t AS b WHERE b.x < t.x) FROM t"),
    q("EXISTS", "SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.g = t.g)"),
    q("IN a subquery", "SELECT id FROM t WHERE g IN (SELECT g FROM u)"),
    q("> ALL", "SELECT id FROM t WHERE x > ALL (SELECT w / 10 FROM u)"),
    q("= ANY of a list", "SELECT id FROM t WHERE id = ANY ([1, 2])"),
    q("IN a list", "SELECT id FROM t WHERE id IN [1, 2]", "SELECT id FROM t WHERE id IN (1, 2)"),
    q("UNION", "SELECT g FROM t UNION SELECT g FROM u"),
    q("UNION ALL BY NAME", "SELECT g, v FROM t UNION ALL BY NAME SELECT w, g FROM u"),
    q("INTERSECT", "SELECT g FROM t INTERSECT SELECT g FROM u"),
    q("EXCEPT", "SELECT g FROM t EXCEPT SELECT g FROM u"),
    q("EXCEPT ALL", "SELECT g FROM t EXCEPT ALL SELECT g FROM u"),
    q("ROLLUP", "SELECT g, sum(v) FROM t GROUP BY ROLLUP (g)"),
    q("CUBE", "SELECT g, v > 3, count(*) FROM t GROUP BY CUBE (g, v > 3)"),
    q("GROUPING SETS", "SELECT g, grouping(g), count(*) FROM t GROUP BY GROUPING SETS ((g), ())"),
    q("PIVOT statement", "PIVOT t ON g USING sum(v)"),
    q("PIVOT in FROM", "SELECT * FROM (SELECT g, v FROM t) PIVOT (sum(v) FOR g IN ('a', 'b'))"),
    q("UNPIVOT statement", "UNPIVOT (SELECT id, v FROM t) ON v"),
    q("UNPIVOT in FROM", "SELECT * FROM (SELECT id, v FROM t) UNPIVOT (value FOR name IN (v))"),
    q("JOIN USING", "SELECT id, w FROM t JOIN u USING (g)"),
    q("NATURAL JOIN", "SELECT id, w FROM t NATURAL JOIN u"),
    q("FULL JOIN", "SELECT t.id, u.w FROM t FULL JOIN u ON t.g = u.g"),
    q("CROSS JOIN", "SELECT count(*) FROM t CROSS JOIN u"),
    q("POSITIONAL JOIN", "SELECT id, w FROM t POSITIONAL JOIN u"),
    q("JOIN with `<`", "SELECT count(*) FROM t JOIN u ON t.x * 10 < u.w"),
    q("SEMI JOIN", "SELECT id FROM t SEMI JOIN u USING (g)", "SELECT id FROM t LEFT SEMI JOIN u ON t.g = u.g"),
    q("ANTI JOIN", "SELECT id FROM t ANTI JOIN u USING (g)", "SELECT id FROM t LEFT ANTI JOIN u ON t.g = u.g"),
    q("ASOF JOIN", "SELECT id, w FROM t ASOF JOIN u ON t.x * 10 >= u.w"),
    q("LATERAL", "SELECT id, n FROM t, LATERAL (SELECT t.v + 1 AS n) AS l"),
    q("LATERAL with WHERE", "SELECT id, m FROM t CROSS JOIN LATERAL (SELECT max(w) AS m FROM u WHERE u.g = t.g) AS l"),
    q("VALUES", "VALUES (1, 'a'), (2, 'b')"),
    q("VALUES in FROM", "SELECT n FROM (VALUES (1, 'a'), (2, 'b')) AS c(n, m)"),
    q("FROM first", "FROM t SELECT id"),
    q("FROM alone", "FROM u", "SELECT * FROM u"),
    q("Alias before", "SELECT w: v + 1 FROM t", "SELECT v + 1 AS w FROM t"),
    q("Comma at the end", "SELECT id, g, FROM t", "SELECT id, g FROM t"),
    q("* EXCLUDE", "SELECT * EXCLUDE (w) FROM u"),
    q("* REPLACE", "SELECT * REPLACE (w * 2 AS w) FROM u"),
    q("* RENAME", "SELECT * RENAME (w AS z) FROM u", "SELECT g, w AS z FROM u"),
    q("* LIKE", "SELECT * LIKE 'w%' FROM u"),
    q("COLUMNS", "SELECT COLUMNS('w.*') FROM u"),
    q("sum of COLUMNS(*)", "SELECT max(COLUMNS(*)) FROM u"),
    q("Table as a value", "SELECT u FROM u"),
    q("USING SAMPLE", "SELECT count(*) FROM t USING SAMPLE 100%", "SELECT count(*) FROM t"),
    q("TABLESAMPLE", "SELECT count(*) FROM t TABLESAMPLE 100%", "SELECT count(*) FROM t"),
    q("Two statements", "SELECT 1; SELECT 2;"),
    q("Comments", "SELECT 1 /* one */ + 1 -- two"),
]

VALUES = [
    q("List", "SELECT [1, 2, 3]"),
    q("Empty list", "SELECT []"),
    q("Element of a list", "SELECT l[1] FROM t"),
    q("Last element of a list", "SELECT l[-1] FROM t"),
    q("Slice of a list", "SELECT l[1:2] FROM t"),
    q("Struct", "SELECT {'a': 1, 'b': 'x'}"),
    q("Field of a struct", "SELECT c.a FROM (SELECT {'a': 1} AS c)", "SELECT c['a'] FROM (SELECT {'a': 1} AS c)"),
    q("struct_pack", "SELECT struct_pack(a := 1)", "SELECT named_struct('a', 1)"),
    q("Map", "SELECT MAP {'a': 1, 'b': 2}"),
    q("Element of a map", "SELECT MAP {'a': 1, 'b': 2}['a']", "SELECT map_extract(MAP {'a': 1, 'b': 2}, 'a')[1]"),
    q("list_transform", "SELECT list_transform([1, 2], lambda y: y + 1)"),
    q("list_filter", "SELECT list_filter([1, 2], lambda y: y > 1)"),
    q("List comprehension", "SELECT [y + 1 FOR y IN [1, 2]]"),
    q("len of a list", "SELECT len(l) FROM t", "SELECT array_length(l) FROM t"),
    q("list_contains", "SELECT list_contains(l, 4) FROM t", "SELECT array_has(l, 4) FROM t"),
    q("list_sort", "SELECT list_sort([2, 1])"),
    q("list_sum", "SELECT list_sum([2, 1])"),
    q("list_distinct", "SELECT list_sort(list_distinct([2, 1, 1]))"),
    q("unnest", "SELECT id, unnest(l) FROM t"),
    q("unnest in FROM", "SELECT n FROM unnest([1, 2]) AS c(n)"),
    q(
        "unnest in FROM, of a column",
        "SELECT id, n FROM t, unnest(l) AS c(n)",
        "SELECT id, n FROM (SELECT id, unnest(l) AS n FROM t)",
    ),
    q("generate_series", "SELECT * FROM generate_series(1, 3)"),
    q("range in FROM", "SELECT * FROM range(3)"),
    q("range of a step", "SELECT * FROM range(1, 10, 4)"),
    q("range as a list", "SELECT range(1, 4)"),
    q(
        "generate_series of dates",
        "SELECT * FROM generate_series(TIMESTAMP '2024-01-01', TIMESTAMP '2024-01-03', INTERVAL '1 day')",
    ),
    q("::", "SELECT '12'::INTEGER + 1"),
    q("CAST of text with a point", "SELECT CAST('1.7' AS INTEGER)", "SELECT CAST(round(CAST('1.7' AS DOUBLE)) AS INTEGER)"),
    q(
        "CAST of a float, rounded",
        "SELECT CAST(2.7 AS INTEGER), CAST(-2.7::DOUBLE AS INTEGER)",
        "SELECT CAST(round(2.7) AS INTEGER), CAST(round(-2.7) AS INTEGER)",
    ),
    q("CAST that fails", "SELECT CAST('x' AS INTEGER)"),
    q("TRY_CAST", "SELECT TRY_CAST('x' AS INTEGER)"),
    q("HUGEINT", "SELECT CAST(1 AS HUGEINT)", "SELECT CAST(1 AS DECIMAL(38, 0))"),
    q("STRING", "SELECT CAST(1 AS STRING)"),
    q("UBIGINT", "SELECT CAST(1 AS UBIGINT)", "SELECT CAST(1 AS BIGINT UNSIGNED)"),
    q("BLOB", "SELECT CAST('a' AS BLOB)", "SELECT CAST('a' AS BYTEA)"),
    q("UUID", "SELECT CAST('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' AS UUID)"),
    q("TIMESTAMPTZ", "SELECT CAST('2024-01-01 12:00:00+02' AS TIMESTAMPTZ)"),
    q("Division of integers", "SELECT 7 / 2", "SELECT 7 / 2.0"),
    q("//", "SELECT 7 // 2", "SELECT 7 / 2"),
    q("%", "SELECT 7 % 4, -7 % 4"),
    q("**", "SELECT 2 ** 10", "SELECT power(2, 10)"),
    q("^", "SELECT 2 ^ 10", "SELECT power(2, 10)"),
    q("Division by zero", "SELECT 1 / 0", "SELECT 1 / nullif(0, 0)"),
    q("Division of floats by zero", "SELECT 1e0 / 0"),
    q("Overflow of integers", "SELECT 9223372036854775807 + 1"),
    q("Bits", "SELECT 6 & 3, 6 | 3, xor(6, 3), 1 << 4, 16 >> 2", "SELECT 6 & 3, 6 | 3, 6 # 3, 1 << 4, 16 >> 2"),
    q("Not of bits", "SELECT ~6"),
    q("Factorial", "SELECT factorial(5)"),
    q("Hexadecimal number", "SELECT 0xff", "SELECT 255"),
    q("Underscores in a number", "SELECT 1_000_000", "SELECT 1000000"),
    q("Scientific number", "SELECT 1e3"),
    q("IFNULL", "SELECT ifnull(v, 0) FROM t"),
    q("COALESCE, NULLIF", "SELECT coalesce(v, 0), nullif(v, 3) FROM t"),
    q("GREATEST, LEAST", "SELECT greatest(v, 3), least(v, 3) FROM t"),
    q("IF", "SELECT if(v > 3, 'x', 'y') FROM t", "SELECT CASE WHEN v > 3 THEN 'x' ELSE 'y' END FROM t"),
    q("IS DISTINCT FROM", "SELECT id FROM t WHERE v IS DISTINCT FROM 3"),
    q("BETWEEN", "SELECT id FROM t WHERE v BETWEEN 2 AND 4"),
    q("round", "SELECT round(2.5), round(-2.5), round(1.255, 2), round(1234, -2)"),
]

STRINGS = [
    q("Slice of text", "SELECT s[1:2] FROM t", "SELECT substr(s, 1, 2) FROM t"),
    q("LIKE", "SELECT s FROM t WHERE s LIKE '%a%'"),
    q("ILIKE", "SELECT s FROM t WHERE s ILIKE 'b%'"),
    q("GLOB", "SELECT s FROM t WHERE s GLOB 'f*'", "SELECT s FROM t WHERE s LIKE 'f%'"),
    q("SIMILAR TO", "SELECT s FROM t WHERE s SIMILAR TO '(fig|date)'", "SELECT s FROM t WHERE s ~ '^(fig|date)$'"),
    q("SIMILAR TO, of a part", "SELECT s FROM t WHERE s SIMILAR TO 'a'"),
    q("`~`", "SELECT s FROM t WHERE s ~ 'fig'"),
    q("`~`, of a part", "SELECT s FROM t WHERE s ~ 'an'"),
    q("regexp_matches", "SELECT s FROM t WHERE regexp_matches(s, '^[A-Z]')", "SELECT s FROM t WHERE regexp_like(s, '^[A-Z]')"),
    q("regexp_replace", "SELECT regexp_replace(s, '[aeiou]', '-') FROM t"),
    q("regexp_replace, all", "SELECT regexp_replace(s, '[aeiou]', '-', 'g') FROM t"),
    q("regexp_replace, group", r"SELECT regexp_replace(s, '(p+)', '<\1>') FROM t"),
    q("regexp_extract", "SELECT regexp_extract(s, '[a-z]+') FROM t", "SELECT regexp_match(s, '[a-z]+')[1] FROM t"),
    q("split_part", "SELECT split_part('a-b-c', '-', 2)"),
    q("string_split", "SELECT string_split('a-b', '-')", "SELECT string_to_array('a-b', '-')"),
    q("contains", "SELECT s FROM t WHERE contains(s, 'an')"),
    q("starts_with", "SELECT s FROM t WHERE starts_with(s, 'f')"),
    q("`^@`", "SELECT s FROM t WHERE s ^@ 'f'"),
    q("length, upper, reverse", "SELECT length(s), upper(s), reverse(s) FROM t"),
    q("concat of NULL", "SELECT concat(s, '!') FROM t"),
    q("concat_ws", "SELECT concat_ws('-', 'a', NULL, 'b')"),
    q("lpad, repeat, trim", "SELECT lpad('a', 3, '*'), repeat('ab', 2), trim('  a ')"),
    q("printf", "SELECT printf('%d-%s', 1, 'a')"),
    q("format", "SELECT format('{}-{}', 1, 'a')"),
    q("levenshtein", "SELECT levenshtein('duck', 'dusk')"),
    q("md5", "SELECT md5('a')"),
    q("sha256", "SELECT sha256('a')", "SELECT encode(sha256('a'), 'hex')"),
    q("chr, ascii", "SELECT chr(65), ascii('A')"),
    q("instr, position", "SELECT instr('abc', 'b'), position('b' IN 'abc')"),
    q("Escapes", r"SELECT E'a\tb'"),
    q("Dollar quotes", "SELECT $$it's$$"),
]

DATES = [
    q("strftime", "SELECT strftime(ts, '%Y-%m') FROM t", "SELECT to_char(ts, '%Y-%m') FROM t"),
    q("strptime", "SELECT strptime('29.02.2024', '%d.%m.%Y')", "SELECT to_timestamp('29.02.2024 00:00:00', '%d.%m.%Y %H:%M:%S')"),
    q("date_trunc", "SELECT date_trunc('month', ts) FROM t"),
    q("date_part", "SELECT date_part('year', ts), date_part('dow', ts) FROM t"),
    q("date_part of a week", "SELECT date_part('week', d), date_part('isodow', d) FROM t"),
    q("extract", "SELECT extract(hour FROM ts) FROM t"),
    q("year, month", "SELECT year(d), month(d) FROM t", "SELECT date_part('year', d), date_part('month', d) FROM t"),
    q("dayname", "SELECT dayname(d) FROM t", "SELECT to_char(d, '%A') FROM t"),
    q(
        "last_day",
        "SELECT last_day(d) FROM t",
        "SELECT CAST(date_trunc('month', d) + INTERVAL '1 month' - INTERVAL '1 day' AS DATE) FROM t",
    ),
    q("make_date", "SELECT make_date(2024, 2, 29)"),
    q("Date plus a number", "SELECT d + 1 FROM t", "SELECT d + INTERVAL '1 day' FROM t"),
    q("Date plus an interval", "SELECT d + INTERVAL '1 month' FROM t"),
    q("Interval without quotes", "SELECT d + INTERVAL 1 MONTH FROM t"),
    q("Interval of a column", "SELECT d + INTERVAL (id) DAY FROM t", "SELECT d + id * INTERVAL '1 day' FROM t"),
    q("Difference of dates", "SELECT d - DATE '2024-01-01' FROM t"),
    q("Difference of timestamps", "SELECT date_part('hour', ts - TIMESTAMP '2024-01-01 00:00:00') FROM t"),
    q("Date compared with text", "SELECT id FROM t WHERE d < '2024-02-01'"),
    q("date_diff", "SELECT date_diff('day', DATE '2024-01-01', d) FROM t", "SELECT d - DATE '2024-01-01' FROM t"),
    q("age", "SELECT date_part('month', age(d, DATE '2024-01-01')) FROM t"),
    q("epoch", "SELECT epoch(ts) FROM t", "SELECT date_part('epoch', ts) FROM t"),
    q("epoch_ms", "SELECT epoch_ms(ts) FROM t", "SELECT CAST(date_part('epoch', ts) * 1000 AS BIGINT) FROM t"),
    q("to_timestamp of seconds", "SELECT to_timestamp(1700000000)", "SELECT to_timestamp_seconds(1700000000)"),
    q(
        "time_bucket",
        "SELECT time_bucket(INTERVAL '2 days', ts) FROM t",
        "SELECT date_bin(INTERVAL '2 days', ts, TIMESTAMP '2000-01-03') FROM t",
    ),
    q("AT TIME ZONE", "SELECT TIMESTAMP '2024-07-01 12:00:00' AT TIME ZONE 'Europe/Berlin'"),
    q("current_date, now", "SELECT current_date = CAST(now() AS DATE)"),
    q("today", "SELECT today() = current_date"),
]

AGGREGATES = [
    q("count, sum, avg, min, max", "SELECT count(*), sum(v), avg(v), min(v), max(v) FROM t"),
    q("count()", "SELECT count() FROM t", "SELECT count(*) FROM t"),
    q("count(DISTINCT)", "SELECT count(DISTINCT g) FROM t"),
    q("count(DISTINCT) of two columns", "SELECT count(DISTINCT (g, v)) FROM t"),
    q("count_if", "SELECT count_if(v > 3) FROM t", "SELECT count(*) FILTER (WHERE v > 3) FROM t"),
    q("sum of booleans", "SELECT sum(v > 3) FROM t", "SELECT sum(CAST(v > 3 AS INTEGER)) FROM t"),
    q("avg of dates", "SELECT avg(ts) FROM t"),
    q("median", "SELECT median(x) FROM t"),
    q("median of integers", "SELECT median(id) FROM t", "SELECT median(CAST(id AS DOUBLE)) FROM t"),
    q("mode", "SELECT mode(g) FROM t WHERE g <> 'b'"),
    q("quantile_cont", "SELECT quantile_cont(x, 0.3) FROM t", "SELECT percentile_cont(0.3) WITHIN GROUP (ORDER BY x) FROM t"),
    q("quantile_cont of a list", "SELECT quantile_cont(x, [0.25, 0.5]) FROM t"),
    q("quantile_disc", "SELECT quantile_disc(x, 0.3) FROM t", "SELECT percentile_disc(0.3) WITHIN GROUP (ORDER BY x) FROM t"),
    q("percentile_cont WITHIN GROUP", "SELECT percentile_cont(0.3) WITHIN GROUP (ORDER BY x) FROM t"),
    q("percentile_disc WITHIN GROUP", "SELECT percentile_disc(0.3) WITHIN GROUP (ORDER BY x) FROM t"),
    q("approx_count_distinct", "SELECT approx_count_distinct(g) FROM t", "SELECT approx_distinct(g) FROM t"),
    q(
        "approx_quantile",
        "SELECT approx_quantile(x, 0.5) FROM t",
        "SELECT approx_percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FROM t",
    ),
    q("arg_max", "SELECT arg_max(g, v) FROM t", "SELECT last_value(g ORDER BY v NULLS FIRST) FROM t"),
    q("max_by", "SELECT max_by(g, v) FROM t", "SELECT last_value(g ORDER BY v NULLS FIRST) FROM t"),
    q("max of n", "SELECT max(v, 2) FROM t"),
    q("string_agg", "SELECT string_agg(s, ',' ORDER BY id) FROM t"),
    q("listagg", "SELECT listagg(s, ',') FROM t WHERE id = 1", "SELECT string_agg(s, ',') FROM t WHERE id = 1"),
    q("list", "SELECT list(id ORDER BY id) FROM t", "SELECT array_agg(id ORDER BY id) FROM t"),
    q("array_agg", "SELECT array_agg(id ORDER BY id) FROM t"),
    q("array_agg with NULL", "SELECT array_agg(v ORDER BY id) FROM t"),
    q("histogram", "SELECT histogram(g) FROM t"),
    q("bool_and, bool_or", "SELECT bool_and(v > 0), bool_or(v > 7) FROM t"),
    q("bit_and, bit_or, bit_xor", "SELECT bit_and(id), bit_or(id), bit_xor(id) FROM t"),
    q("stddev, variance", "SELECT stddev(x), stddev_pop(x), var_samp(x), var_pop(x) FROM t"),
    q("variance", "SELECT variance(x) FROM t", "SELECT var_samp(x) FROM t"),
    q("corr, covar_pop", "SELECT corr(id, v), covar_pop(id, v) FROM t"),
    q("regr_slope, regr_r2", "SELECT regr_slope(v, id), regr_r2(v, id) FROM t"),
    q("skewness, kurtosis", "SELECT skewness(v), kurtosis(v) FROM t"),
    q("entropy", "SELECT entropy(g) FROM t"),
    q("mad", "SELECT mad(x) FROM t"),
    q("product", "SELECT product(v) FROM t"),
    q("geomean", "SELECT geomean(x) FROM t", "SELECT exp(avg(ln(x))) FROM t"),
    q("favg", "SELECT favg(x) FROM t", "SELECT avg(x) FROM t"),
    q(
        "first, last",
        "SELECT first(id ORDER BY id), last(id ORDER BY id) FROM t",
        "SELECT first_value(id ORDER BY id), last_value(id ORDER BY id) FROM t",
    ),
    q("any_value", "SELECT any_value(g) FROM t WHERE g = 'a'", "SELECT first_value(g) FROM t WHERE g = 'a'"),
    q("sum of nothing", "SELECT sum(v), count(v) FROM t WHERE id > 100"),
    q("sum that overflows", "SELECT sum(9223372036854775807) FROM t"),
]

COPY = "CREATE TABLE c AS SELECT id, g, v FROM t; "
STATEMENTS = [
    q("CREATE TABLE AS", COPY + "SELECT * FROM c"),
    q(
        "CREATE TABLE AS, FROM first",
        "CREATE TABLE c AS FROM u; SELECT * FROM c",
        "CREATE TABLE c AS SELECT * FROM u; SELECT * FROM c",
    ),
    q(
        "CREATE TEMP TABLE",
        "CREATE TEMP TABLE c AS SELECT * FROM u; SELECT * FROM c",
        "CREATE TABLE c AS SELECT * FROM u; SELECT * FROM c",
    ),
    q("CREATE OR REPLACE TABLE", COPY + "CREATE OR REPLACE TABLE c AS SELECT 1 AS n; SELECT * FROM c"),
    q("CREATE TABLE with columns", "CREATE TABLE c (n INTEGER, m VARCHAR); SELECT count(*) FROM c"),
    q("PRIMARY KEY", "CREATE TABLE c (n INTEGER PRIMARY KEY); SELECT count(*) FROM c"),
    q("INSERT VALUES", COPY + "INSERT INTO c VALUES (9, 'z', 1); SELECT * FROM c"),
    q("INSERT with columns", COPY + "INSERT INTO c (id) VALUES (9); SELECT * FROM c"),
    q("INSERT SELECT", COPY + "INSERT INTO c SELECT id + 10, g, v FROM t; SELECT count(*) FROM c"),
    q("INSERT BY NAME", COPY + "INSERT INTO c BY NAME SELECT 9 AS v, 9 AS id; SELECT * FROM c"),
    q("UPDATE", COPY + "UPDATE c SET v = 0 WHERE g = 'a'; SELECT * FROM c"),
    q("DELETE", COPY + "DELETE FROM c WHERE g = 'a'; SELECT * FROM c"),
    q("TRUNCATE", COPY + "TRUNCATE c; SELECT count(*) FROM c"),
    q("RETURNING", COPY + "DELETE FROM c WHERE id = 1 RETURNING id"),
    q(
        "MERGE INTO",
        COPY + "MERGE INTO c USING u ON c.g = u.g AND c.id < 3 WHEN MATCHED THEN UPDATE SET v = u.w; SELECT * FROM c",
    ),
    q("ALTER TABLE", COPY + "ALTER TABLE c ADD COLUMN n INTEGER; SELECT * FROM c"),
    q("DROP TABLE", COPY + "DROP TABLE c; SELECT 1"),
    q("CREATE VIEW", "CREATE VIEW c AS SELECT g FROM t; SELECT * FROM c"),
    q("CREATE MACRO", "CREATE MACRO twice(n) AS n * 2; SELECT twice(2)"),
    q("CREATE SCHEMA", "CREATE SCHEMA o; CREATE TABLE o.c AS SELECT 1 AS n; SELECT * FROM o.c"),
    q("CREATE INDEX", COPY + "CREATE INDEX i ON c (id); SELECT 1"),
    q("CREATE TYPE", "CREATE TYPE mood AS ENUM ('good', 'bad'); SELECT CAST('good' AS mood)"),
    q("CREATE SEQUENCE", "CREATE SEQUENCE q; SELECT nextval('q')"),
    q("COPY TO Parquet", "COPY (SELECT id, g FROM t) TO 'o.parquet'; SELECT * FROM 'o.parquet'"),
    q(
        "COPY TO Parquet, with options",
        "COPY t TO 'o.parquet' (FORMAT parquet, COMPRESSION zstd); SELECT count(*) FROM 'o.parquet'",
        "COPY t TO 'o.parquet' STORED AS PARQUET OPTIONS (compression 'zstd(3)'); SELECT count(*) FROM 'o.parquet'",
    ),
    q(
        "COPY TO, partitions",
        "COPY t TO 'o' (FORMAT parquet, PARTITION_BY (g)); SELECT count(*) FROM 'o/**/*.parquet'",
        "COPY t TO 'o' STORED AS PARQUET PARTITIONED BY (g); SELECT count(*) FROM 'o/**/*.parquet'",
    ),
    q("COPY TO CSV", "COPY (SELECT id, g FROM t) TO 'o.csv'; SELECT * FROM 'o.csv'"),
    q(
        "COPY TO CSV, with options",
        "COPY (SELECT id, g FROM t) TO 'o.csv' (HEADER, DELIMITER ';'); SELECT * FROM 'o.csv'",
        "COPY (SELECT id, g FROM t) TO 'o.csv' OPTIONS (delimiter ';'); SELECT * FROM 'o.csv'",
    ),
    q("COPY TO JSON", "COPY (SELECT id, g FROM t) TO 'o.json'; SELECT id, g FROM 'o.json'"),
    q(
        "COPY FROM",
        "COPY u TO 'o.csv'; CREATE TABLE c (g VARCHAR, w INTEGER); COPY c FROM 'o.csv'; SELECT * FROM c",
        "COPY u TO 'o.csv'; CREATE TABLE c AS SELECT * FROM 'o.csv'; SELECT * FROM c",
    ),
    q("EXPORT DATABASE", "EXPORT DATABASE 'o'; SELECT 1"),
    q("DESCRIBE", "DESCRIBE u; SELECT 1"),
    q("DESCRIBE a query", "DESCRIBE SELECT 1 AS n; SELECT 1"),
    q("SUMMARIZE", "SUMMARIZE u; SELECT 1"),
    q("SUMMARIZE a query", "SUMMARIZE SELECT v FROM t; SELECT 1"),
    q("SHOW TABLES", "SHOW TABLES; SELECT 1"),
    q("SHOW ALL TABLES", "SHOW ALL TABLES; SELECT 1", "SELECT table_name FROM information_schema.tables; SELECT 1"),
    q("information_schema", "SELECT column_name FROM information_schema.columns WHERE table_name = 'u'"),
    q("EXPLAIN", "EXPLAIN SELECT sum(v) FROM t; SELECT 1"),
    q("EXPLAIN ANALYZE", "EXPLAIN ANALYZE SELECT sum(v) FROM t; SELECT 1"),
    q("PREPARE and EXECUTE", "PREPARE p AS SELECT id FROM t WHERE v > $1; EXECUTE p(4)"),
    q(
        "PREPARE with `?`",
        "PREPARE p AS SELECT id FROM t WHERE v > ?; EXECUTE p(4)",
        "PREPARE p AS SELECT id FROM t WHERE v > $1; EXECUTE p(4)",
    ),
    q("SET threads", "SET threads = 2; SELECT 1", "SET datafusion.execution.target_partitions = 2; SELECT 1"),
    q("SET VARIABLE", "SET VARIABLE n = 2; SELECT getvariable('n')"),
    q("PRAGMA", "PRAGMA table_info('u'); SELECT 1"),
    q("BEGIN and COMMIT", "BEGIN; SELECT 1; COMMIT; SELECT 1"),
    q("ATTACH", "ATTACH ':memory:' AS m; SELECT 1"),
    q("USE", "USE memory; SELECT 1"),
    q("INSTALL and LOAD", "LOAD json; SELECT 1"),
    q("CALL", "CALL pragma_version(); SELECT 1"),
    q("JSON, ->>", """SELECT '{"a": {"b": 1}}'::JSON->'a'->>'b'"""),
    q("json_extract", """SELECT json_extract('{"a": 1}', '$.a')"""),
    q("glob()", "SELECT count(*) FROM glob('*.parquet')"),
    q("Name of the file", "SELECT DISTINCT filename FROM read_parquet('t.parquet', filename = true)"),
]

FILES = [
    ("Parquet files", PARQUET),
    ("Paths, globs, folders and files that differ", PATHS),
    ("CSV and JSON", TEXT),
    ("Other files", OTHERS),
]
SQL = [
    ("SELECT", SELECTS),
    ("Values, lists and numbers", VALUES),
    ("Text", STRINGS),
    ("Dates and times", DATES),
    ("Aggregates", AGGREGATES),
    ("Statements", STATEMENTS),
]


def base_tables():
    kinds = {"d": pyarrow.date32(), "ts": pyarrow.timestamp("us")}
    columns = {name: pyarrow.array(values, kinds.get(name)) for name, values in ROWS.items()}
    table("t.parquet", columns)()
    table("u.parquet", KEYS)()


# Answers.


def moment(value):
    """A date, time or timestamp as text: zones as UTC, no zeros at the end, midnight as the date alone."""
    if isinstance(value, datetime.datetime) and value.tzinfo:
        value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    return instant(value.isoformat())


def instant(value):
    """Text, and what looks like a timestamp as `moment` writes it."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d(?::?\d\d)?)?", value)
    if found and found[4] not in (None, "Z", "+00", "+00:00"):
        zoned = datetime.datetime.fromisoformat(f"{found[1]}T{found[2]}{found[4]}").astimezone(datetime.timezone.utc)
        return instant(f"{zoned:%Y-%m-%d %H:%M:%S}{found[3] or ''}")
    if found:
        fraction = (found[3] or "").rstrip("0").rstrip(".")
        return f"{found[1]} {found[2]}{fraction}".removesuffix(" 00:00:00")
    return re.sub(r"^(\d\d:\d\d:\d\d)\.?(\d*?)0*$", lambda time: time[1] + (time[2] and "." + time[2]), value)


def number(value):
    if isinstance(value, float) and not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    if value == int(value) and abs(value) < 10**40:
        return str(int(value))
    return f"{float(value):.6g}"


def normal(value):
    """The text that equal values of both programs share."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float, decimal.Decimal)):
        return number(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return moment(value)
    if isinstance(value, datetime.timedelta):
        return f"{value.days} days" + (f" {value.seconds} s" if value.seconds else "")
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(normal, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{normal(k)}: {normal(v)}' for k, v in value.items())}}}"
    return instant(str(value))


def shortened(message, folder):
    """The first line of a message, without the temporary folder."""
    message = message.strip().splitlines()[0] if message.strip() else "no message"
    for prefix in (f"file://{folder}/", f"{folder}/", f"{str(folder).lstrip('/')}/"):
        message = message.replace(prefix, "")
    message = re.sub(r"\s+", " ", re.sub(r"0x[0-9a-f]{6,}|thread '[^']*' \(\d+\)", "…", message))
    return message if len(message) <= WIDTH else message[: WIDTH - 1].rstrip() + "…"


def in_plusminus(program, sql, folder, tables):
    """(rows, error) of the last statement."""
    command = [program, "query", "--no-progress", "--color", "never", "--threads", "2", "--format", "json"]
    named = [word for name in tables for word in ("--table", f"{name}={name}.parquet")]
    environment = {**os.environ, "PLUSMINUS_STORE": str(folder / "store"), "TZ": "UTC"}
    try:
        done = subprocess.run(
            [*command, *named, "-c", sql], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
        )
    except subprocess.TimeoutExpired:
        return None, "no answer in a minute"
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("error: ") or "panicked" in line]
        return None, shortened(lines[0].removeprefix("error: ") if lines else f"exit {done.returncode}: {done.stderr}", folder)
    answer = json.loads(done.stdout.splitlines()[-1], parse_float=decimal.Decimal)
    plain = lambda cell: cell["est"] if isinstance(cell, dict) else cell
    return [tuple(normal(plain(cell)) for cell in row) for row in answer["rows"]], None


def in_duckdb(sql, folder, tables):
    connection = duckdb.connect()
    for setting in ("python_enable_replacements = false", "autoinstall_known_extensions = false", "TimeZone = 'UTC'"):
        connection.execute(f"SET {setting}")
    connection.execute(f"SET extension_directory = '{folder / 'extensions'}'")
    os.chdir(folder)
    try:
        for name in tables:
            connection.execute(f"CREATE TABLE {name} AS FROM '{name}.parquet'")
        rows = connection.execute(sql).fetchall()
        return [tuple(map(normal, row)) for row in rows], None
    except duckdb.Error as error:
        extension = re.search(r'Extension "(\w+)" is an existing extension', str(error))
        return None, f"{EXTENSION} {extension[1]}" if extension else shortened(str(error), folder)
    finally:
        connection.close()


def alike(ours, theirs, ordered):
    return ours == theirs if ordered else sorted(ours) == sorted(theirs)


def fresh(folder, name, form, tables):
    """A folder with the files of a form."""
    made = folder / name
    made.mkdir()
    os.chdir(made)
    form.make()
    if tables:
        base_tables()
    return made


def sample(rows, others):
    """The first row that the others lack, or else how many there are; the first row of another order."""
    if sorted(rows) == sorted(others):
        return code(f"({', '.join(rows[0])})")
    row = next((row for row in sorted(rows) if row not in others), None)
    return f"{len(rows)} rows" if row is None else code(f"({', '.join(row)})")


def code(text):
    text = text.replace("\n", "⏎").replace("\r", "␍").replace("\t", "⇥").replace("|", "\\|")
    text = text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def escaped(message):
    """Markdown that shows a message or name as it is, but for code in it."""
    parts = re.split(r"(`[^`]*`)", message)
    return "".join(part.replace("|", "\\|") if part.startswith("`") else plain(part) for part in parts)


def plain(message):
    return re.sub(r"([|<>*_\[\]])", r"\\\1", message)


@dataclass
class Outcome:
    """What both programs did with a form: `yes`, `OTHERWISE`, or a message."""

    form: Form
    ours: str
    theirs: str
    note: str

    def both(self):
        return self.ours == self.theirs == "yes"

    def answered(self):
        """Whether DuckDB answers, itself or with an extension."""
        return self.theirs == "yes" or self.theirs.startswith(EXTENSION)

    def fails(self):
        return self.ours not in ("yes", OTHERWISE)


def tried(program, folder, name, form, tables):
    rows, error = in_plusminus(program, form.sql, fresh(folder, name, form, tables), tables)
    expected, refused = in_duckdb(form.duckdb or form.sql, fresh(folder, f"{name}-duckdb", form, tables), tables)
    same = rows is not None and expected is not None and alike(rows, expected, form.ordered)
    notes = []
    if form.duckdb and not same:
        notes.append(f"DuckDB: {code(form.duckdb)}")
    if rows is not None and expected is not None and not same:
        notes.append(f"PlusMinus {sample(rows, expected)}, DuckDB {sample(expected, rows)}")
    if form.works and expected is not None and not same:
        again, _ = in_plusminus(program, form.works, fresh(folder, f"{name}-works", form, tables), tables)
        if again is not None and alike(again, expected, form.ordered):
            notes.append(f"{code(form.works)} works")
    ours = escaped(error) if error else "yes" if same or expected is None else OTHERWISE
    return Outcome(form, ours, escaped(refused) if refused else "yes", "; ".join(notes))


def print_counts(found):
    print("| | forms | answered alike | error | other answer | error in DuckDB |\n|---|---:|---:|---:|---:|---:|")
    for title, outcomes in found.items():
        tests = (Outcome.both, Outcome.fails, lambda one: one.ours == OTHERWISE, lambda one: not one.answered())
        counts = [len(outcomes), *(sum(map(test, outcomes)) for test in tests)]
        print(f"| {title} | {' | '.join(map(str, counts))} |")


def print_table(title, outcomes):
    print(f"\n## {title}\n\n| form | SQL | PlusMinus | DuckDB | note |\n|---|---|---|---|---|")
    for one in outcomes:
        print(f"| {escaped(one.form.name)} | {code(one.form.sql)} | {one.ours} | {one.theirs} | {one.note} |")


def print_list(sentence, outcomes, line):
    print(f"\n{sentence}:\n")
    for one in outcomes:
        print(f"- {line(one)}")


def print_missing(files):
    """What of files PlusMinus does not read, and what it reads otherwise."""
    print("\n## What PlusMinus does not read")
    missing = [one for one in files if one.fails()]
    message = lambda one: f"{escaped(one.form.name)}: {one.ours}{one.note and f' ({one.note})'}"
    print_list("Read by DuckDB, itself or with an extension", [one for one in missing if one.answered()], message)
    print_list("Read by neither", [one for one in missing if not one.answered()], message)
    otherwise = [one for one in files if one.ours == OTHERWISE]
    print_list("Read otherwise than by DuckDB", otherwise, lambda one: f"{escaped(one.form.name)}: {one.note}")


def main():
    program = str(Path(sys.argv[1]).resolve())
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    found = {}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made).resolve()
        for part, (title, forms) in enumerate(FILES + SQL):
            tables = () if part < len(FILES) else ("t", "u")
            found[title] = [tried(program, folder, f"{part}-{n}", form, tables) for n, form in enumerate(forms)]
        os.chdir("/")
    everything = [one for outcomes in found.values() for one in outcomes]
    alike_in_both = sum(map(Outcome.both, everything))
    print(INTRODUCTION.format(plusminus=version, duckdb=duckdb.__version__, forms=len(everything), both=alike_in_both))
    print_counts(found)
    for title, outcomes in found.items():
        print_table(title, outcomes)
    print_missing([one for title, _ in FILES for one in found[title]])


INTRODUCTION = """# Compatibility

What PlusMinus {plusminus} reads and understands, beside DuckDB {duckdb}: kinds of files first, then forms of SQL. Each form was
run in both. The rows were compared as text and numbers, in any order unless the form is about order; a timestamp at midnight is
taken for the date. `yes` means an answer, in both columns the same one. Otherwise there is the message, shortened, and in the
note what differs or what to write instead. None of the {forms} forms has a bound, so all answers are exact; {both} are answered
alike. Differences of dialect (NULLs first, division of integers) count as other answers. This page is made by

```console
$ python benches/scripts/compatibility.py path/to/plusminus > docs/compatibility.md
```
"""


if __name__ == "__main__":
    main()
