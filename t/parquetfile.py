#!/usr/bin/python3
"""The Parquet files of an export, by other people's readers: into the tables of t/oracle.py, with
the columns' types checked; and whether a file is made as worker/engine/FORMAT.md says.

    by_pyarrow(body), by_duckdb(body), by_polars(body)
                        -> oracle.Table; Refused, a ValueError, where the reader refuses the bytes
                        or a column has another type than FORMAT.md says
    READERS             {name: one of them}
    wrong(body, table, entry, manifest)
                        -> None, or what of the file's metadata, row groups, chunks, statistics and
                        pages is not as the page says, or not true of the table; entry is the file's
                        in the manifest
    areas(body)         {"footer", "headers", "data": [(begin, end)]}, for damage
    by_java(paths)      [lines as of oracle.Table.lines(), or an error's text] by parquet-java
    written(table, metadata, rows=1000, ...)
                        -> a file of such a table as pyarrow writes it, with its options
    outcomes(name, paths)
                        -> {path: what --read says}, "crash: ..." or "no end ..."

    t/parquetfile.py --self-test             TAP; needs build/readers (t/readers.py)
    t/parquetfile.py --read READER FILE...   a line a file: the hash of its table, or "refused:
                                             ..."; for damaged files, in a process of its own
"""
import hashlib
import io
import json
import os
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import oracle                           # noqa: E402
import pinned                           # noqa: E402
from service import ROOT                # noqa: E402

DAY_MS = 86400000
MEMORY = 8 << 30                        # of a process that reads damaged files
JAVA = os.path.join(ROOT, "build", "parquet-java")
POM = os.path.join(ROOT, "t", "requirements", "parquet", "pom.xml")


class Refused(ValueError):
    """A reader does not take a file, or shows it with other types."""


# ---- readers ------------------------------------------------------------------------------

def need(good, what):
    if not good:
        raise Refused(what)


def typed(times, columns, kinds):
    """The table of these columns [(name, type, values)], of which time was the first."""
    table = oracle.Table(times, [])
    for name, kind, values in columns:
        need(str(kind) in kinds, "%s is of type %s" % (name, kind))
        table.columns.append((name, kinds[str(kind)], values))
    return table


def pyarrow_table(body):
    import pyarrow
    import pyarrow.parquet
    found = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(body)).read()
    found.validate(full=True)
    time, *fields = found.schema
    need((time.name, time.type, time.nullable) == ("time", pyarrow.timestamp("ms", "UTC"), False),
         "time is %s" % time)
    for field in fields:
        need(field.nullable, "%s is not nullable" % field.name)
    return typed(found.column(0).cast(pyarrow.int64()).to_pylist(),
                 [(field.name, field.type, column.to_pylist())
                  for field, column in zip(fields, found.columns[1:])],
                 {"double": "double", "string": "text"})


def duckdb_table(body):
    import duckdb
    with tempfile.NamedTemporaryFile(suffix=".parquet") as f, duckdb.connect() as db:
        f.write(body)
        f.flush()
        source = "read_parquet('%s')" % f.name
        kinds = db.execute("DESCRIBE SELECT * FROM " + source).fetchall()
        need(kinds[0][:2] == ("time", "TIMESTAMP WITH TIME ZONE"), "time is %s" % (kinds[0],))
        rows = db.execute('SELECT * REPLACE (epoch_ms("time") AS "time") FROM ' +
                          source).fetchall()
    columns = list(map(list, zip(*rows))) or [[] for _ in kinds]
    return typed(columns[0], [(kind[0], kind[1], values) for kind, values in
                              zip(kinds[1:], columns[1:])], {"DOUBLE": "double", "VARCHAR": "text"})


def polars_table(body):
    import polars
    frame = polars.read_parquet(io.BytesIO(body))
    time, *names = frame.columns
    need((time, frame[time].dtype) == ("time", polars.Datetime("ms", "UTC")),
         "time is %s: %s" % (time, frame[time].dtype))
    return typed(frame[time].cast(polars.Int64).to_list(),
                 [(name, frame[name].dtype, frame[name].to_list()) for name in names],
                 {"Float64": "double", "String": "text"})


def reader(read):
    def of(body):
        try:
            return read(body)
        except Refused:
            raise
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as e:       # polars' PanicException is no Exception
            raise Refused("%s: %.300s" % (type(e).__name__, e)) from None
    return of


by_pyarrow, by_duckdb, by_polars = map(reader, (pyarrow_table, duckdb_table, polars_table))
READERS = {"pyarrow": by_pyarrow, "DuckDB": by_duckdb, "polars": by_polars}


# ---- Thrift's compact protocol, as far as Parquet has it ----------------------------------

TRUE, BYTE, I32, I64, NUMBER, BINARY, LIST, STRUCT = 1, 3, 5, 6, 7, 8, 9, 12


def varint(raw, at):
    n = shift = 0
    while True:
        n |= (raw[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if raw[at - 1] < 128:
            return n, at


def thrift_value(raw, at, kind):
    """(value, where it ends): a struct is {field: (type, value)}, a list (type, [values])."""
    if kind in (TRUE, TRUE + 1):
        return kind == TRUE, at
    if kind == BYTE:
        return raw[at], at + 1
    if kind in (4, I32, I64):
        n, at = varint(raw, at)
        return n >> 1 ^ -(n & 1), at
    if kind == NUMBER:
        return bytes(raw[at:at + 8]), at + 8
    if kind == BINARY:
        size, at = varint(raw, at)
        need(at + size <= len(raw), "Thrift: a length")
        return bytes(raw[at:at + size]), at + size
    if kind == LIST:
        size, inner, at = raw[at] >> 4, raw[at] & 15, at + 1
        if size == 15:
            size, at = varint(raw, at)
        values = []
        for _ in range(size):
            value, at = thrift_value(raw, at, inner)
            values.append(value)
        return (inner, values), at
    need(kind == STRUCT, "Thrift: type %d" % kind)
    fields, last = {}, 0
    while raw[at]:
        delta, inner, at = raw[at] >> 4, raw[at] & 15, at + 1
        last += delta
        if not delta:
            last, at = thrift_value(raw, at, I32)
        value, at = thrift_value(raw, at, inner)
        fields[last] = inner, value
    return fields, at + 1


def thrift_bytes(kind, value):
    """thrift_value() the other way."""
    def number(n):
        out = bytearray()
        while n > 127:
            out.append(n & 127 | 128)
            n >>= 7
        return bytes(out) + bytes([n])

    if kind in (TRUE, TRUE + 1):
        return b""
    if kind == BYTE:
        return bytes([value])
    if kind in (4, I32, I64):
        return number(value << 1 if value >= 0 else ~value << 1 | 1)
    if kind == NUMBER:
        return value
    if kind == BINARY:
        return number(len(value)) + value
    if kind == LIST:
        inner, values = value
        return bytes([0xF0 | inner]) + number(len(values)) + b"".join(
            thrift_bytes(inner, v) for v in values)
    out = b""
    for field, (inner, v) in sorted(value.items()):
        out += bytes([inner]) + thrift_bytes(I32, field) + thrift_bytes(inner, v)
    return out + b"\0"


def plain(value):
    """Without the types: {field: value}, [value]."""
    if isinstance(value, dict):
        return {field: plain(v) for field, (_, v) in value.items()}
    return [plain(v) for v in value[1]] if isinstance(value, tuple) else value


def footer(body):
    """(FileMetaData, where it begins)."""
    size, magic = struct.unpack_from("<I4s", body, len(body) - 8)
    need(body[:4] == magic == b"PAR1", "no PAR1")
    at = len(body) - 8 - size
    value, end = thrift_value(body, at, STRUCT)
    need(end == len(body) - 8, "bytes after the footer")
    return value, at


# ---- how a file is made -------------------------------------------------------------------

DATA_PAGE, DICTIONARY_PAGE = 0, 2
ENCODINGS = {0: "PLAIN", 3: "RLE", 5: "DELTA_BINARY_PACKED", 8: "RLE_DICTIONARY"}


def pages(body, chunk):
    """[(PageHeader, where it begins, where its data begin, their end)] of a chunk, of pyarrow's
    metadata."""
    at = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
    end, found = at + chunk.total_compressed_size, []
    while at < end:
        header, data = thrift_value(body, at, STRUCT)
        header = plain(header)
        found.append((header, at, data, data + header[3]))
        at = data + header[3]
    need(at == end, "pages to %d, the chunk's end is %d" % (at, end))
    return found


def metadata_of(body):
    import pyarrow
    import pyarrow.parquet
    return pyarrow.parquet.ParquetFile(pyarrow.BufferReader(body)).metadata


def check_pages(body, chunk, rows, kind):
    """One page of version 1, with a dictionary before it or not; sizes, encodings, compression.
    Returns where they begin and end."""
    import pyarrow
    found = pages(body, chunk)
    types = [header[1] for header, _, _, _ in found]
    need(types in ([DATA_PAGE], [DICTIONARY_PAGE, DATA_PAGE]), "pages of types %s" % types)
    need(chunk.compression == "ZSTD", "compression %s" % chunk.compression)
    size = 0
    for header, at, data, end in found:
        raw = pyarrow.Codec("zstd").decompress(body[data:end], header[2])
        need(len(raw) == header[2], "a page of %d bytes, not %d" % (len(raw), header[2]))
        need(4 not in header or header[4] & 0xffffffff == zlib.crc32(body[data:end]), "page CRC")
        size += data - at + header[2]
    need(chunk.total_uncompressed_size == size, "total_uncompressed_size is %d, true is %d" % (
        chunk.total_uncompressed_size, size))
    if types[0] == DICTIONARY_PAGE:
        need(found[0][0][7][2] == 0, "dictionary of encoding %d" % found[0][0][7][2])
    page = found[-1][0][5]
    allowed = ["DELTA_BINARY_PACKED"] if kind == "time" else \
        ["RLE_DICTIONARY"] if len(found) > 1 else ["PLAIN"]
    encoding = ENCODINGS.get(page[2], page[2])
    need(encoding in allowed, "encoding %s, want %s" % (encoding, allowed))
    need(page[1] == rows, "a page of %d values for %d rows" % (page[1], rows))
    need(kind == "time" or page[3] == 3, "definition levels of encoding %d" % page[3])
    names = set(chunk.encodings)
    need(encoding in names and names <= {encoding, "RLE", "PLAIN"}, "encodings %s for %s" % (
        chunk.encodings, encoding))
    return found[0][1], found[-1][3]


def check_statistics(chunk, values, kind):
    """True of the values; of texts only the nulls are counted."""
    there = [v for v in values if v is not None]
    stats = chunk.statistics
    need(stats is not None and stats.has_null_count, "no statistics")
    need(stats.null_count == len(values) - len(there), "null_count is %d, true is %d" % (
        stats.null_count, len(values) - len(there)))
    need(stats.has_min_max == (kind != "text" and there != []), "min and max are %sthere" % (
        "" if stats.has_min_max else "not "))
    if not stats.has_min_max:
        return
    got, want = (stats.min_raw, stats.max_raw), (min(there), max(there))
    need(got == want, "min and max are %s, true are %s" % (got, want))
    # Zeros compare equal, but a reader that looks for -0.0 may take the bound by its sign.
    for bound, sign in zip(got, (-0.0, 0.0)):
        if bound == 0 and kind == "double" and any(
                struct.pack("<d", v) == struct.pack("<d", sign) for v in there):
            need(struct.pack("<d", bound) == struct.pack("<d", sign), "a bound is %s, though %s "
                 "is there" % (bound, sign))


def check_groups(body, meta, table, steps):
    at, spans = 0, []
    columns = [("time", "time", table.times)] + table.columns
    # Without these a reader ignores smallest and largest values.
    need(plain(footer(body)[0]).get(7) == [{1: {}}] * len(columns), "column orders")
    for g in range(meta.num_row_groups):
        group = meta.row_group(g)
        rows = group.num_rows
        need(group.num_columns == len(columns) and rows > 0, "row group %d: %d columns, %d rows" % (
            g, group.num_columns, rows))
        days = {t // DAY_MS for t in table.times[at:at + rows]}
        need(len(days) == 1 or not steps, "row group %d: rows of %d days" % (g, len(days)))
        for i, (name, kind, values) in enumerate(columns):
            chunk = group.column(i)
            try:
                need(chunk.num_values == rows, "%d values for %d rows" % (chunk.num_values, rows))
                spans.append(check_pages(body, chunk, rows, kind))
                check_statistics(chunk, values[at:at + rows], kind)
            except Refused as e:
                raise Refused("row group %d, %s: %s" % (g, name, e)) from None
        at += rows
    need(at == len(table.times) == meta.num_rows, "%d rows in row groups, %d in the file, %d in "
         "the table" % (at, meta.num_rows, len(table.times)))
    spans.sort()
    ends = [4] + [end for _, end in spans]
    need([begin for begin, _ in spans] + [footer(body)[1]] == ends, "bytes between chunks, or "
         "chunks that overlap")


def check_keys(meta, entry, manifest):
    def as_json(text):
        return oracle.pretty(json.loads(text, object_pairs_hook=oracle.unique_members,
                                        parse_float=oracle.no_float))

    got = {key.decode(): value.decode() for key, value in (meta.metadata or {}).items()}
    want = {"format": str(manifest["format"]), "vehicle": entry["vehicle"],
            "request": oracle.pretty(manifest["request"]),
            "parameters": oracle.pretty(manifest["parameters"])}
    need(set(got) == {"telemetry." + key for key in want}, "metadata has %s" % sorted(got))
    for key, value in want.items():
        found = got["telemetry." + key]
        if key in ("request", "parameters"):
            found = as_json(found)
        need(found == value, "telemetry.%s is %.300r, want %.300r" % (key, found, value))


def wrong(body, table, entry, manifest):
    try:
        meta = metadata_of(body)
        check_keys(meta, entry, manifest)
        check_groups(body, meta, table, manifest["request"].get("every"))
    except Exception as e:
        return "%s: %s" % (type(e).__name__, e)
    return None


def areas(body):
    meta, found = metadata_of(body), {"headers": [], "data": []}
    found["footer"] = [(footer(body)[1], len(body))]
    for g in range(meta.num_row_groups):
        for i in range(meta.num_columns):
            for _, at, data, end in pages(body, meta.row_group(g).column(i)):
                found["headers"].append((at, data))
                found["data"].append((data, end))
    return found


# ---- writing, for the tests of this file --------------------------------------------------

def edited(body, *edits):
    """The file with another footer: edit(fields of FileMetaData), in place."""
    value, at = footer(body)
    for edit in edits:
        edit(value)
    raw = thrift_bytes(STRUCT, value)
    return body[:at] + raw + struct.pack("<I4s", len(raw), b"PAR1")


def chunks_of(value):
    """The ColumnMetaData of a FileMetaData, row group by row group."""
    return [[chunk[3][1] for chunk in group[1][1][1]] for group in value[4][1][1]]


def only_nulls_of_texts(value):
    for group in chunks_of(value):
        for chunk in group:
            if chunk[1][1] == 6 and 12 in chunk:
                chunk[12] = STRUCT, {3: chunk[12][1][3]}


def with_keys(metadata):
    def edit(value):
        value[5] = LIST, (STRUCT, [{1: (BINARY, key.encode()), 2: (BINARY, text.encode())}
                                   for key, text in metadata.items()])
    return edit


def groups_of(times, most):
    """[(first row, rows)]: of one day each, and not more than this."""
    found = []
    for at, t in enumerate(times):
        if not found or found[-1][1] == most or times[found[-1][0]] // DAY_MS != t // DAY_MS:
            found.append([at, 0])
        found[-1][1] += 1
    return found


def written(table, metadata, rows=1000, **options):
    import pyarrow
    import pyarrow.parquet
    fields = [pyarrow.field("time", pyarrow.timestamp("ms", "UTC"), nullable=False)]
    fields += [pyarrow.field(name, pyarrow.float64() if kind == "double" else pyarrow.string())
               for name, kind, _ in table.columns]
    whole = pyarrow.Table.from_arrays(
        [pyarrow.array(values, field.type) for field, values in zip(
            fields, [table.times] + [values for _, _, values in table.columns])],
        schema=pyarrow.schema(fields))
    out = io.BytesIO()
    with pyarrow.parquet.ParquetWriter(out, whole.schema, **{
            "compression": "zstd", "store_schema": False, "use_dictionary": False,
            "column_encoding": {"time": "DELTA_BINARY_PACKED"}, **options}) as writer:
        for at, n in groups_of(table.times, rows):
            writer.write_table(whole.slice(at, n))
    return edited(out.getvalue(), only_nulls_of_texts, with_keys(metadata))


# ---- parquet-java -------------------------------------------------------------------------

def install_java():
    """Jars by Maven, t/ParquetRead.java by javac; OSError, subprocess.SubprocessError."""
    source = os.path.join(ROOT, "t", "ParquetRead.java")
    stamp = pinned.read(POM) + pinned.read(source)
    with pinned.locked(JAVA):
        if pinned.read(os.path.join(JAVA, "stamp")) == stamp:
            return
        shutil.rmtree(JAVA, ignore_errors=True)
        os.makedirs(JAVA)
        subprocess.run(["mvn", "-q", "-B", "-f", POM, "dependency:copy-dependencies",
                        "-DoutputDirectory=" + os.path.join(JAVA, "jars")],
                       stdin=subprocess.DEVNULL, check=True, timeout=900)
        subprocess.run(["javac", "-d", JAVA, "-cp", os.path.join(JAVA, "jars", "*"), source],
                       stdin=subprocess.DEVNULL, check=True, timeout=300)
        with open(os.path.join(JAVA, "stamp"), "w", encoding="utf-8") as f:
            f.write(stamp)


def by_java(paths):
    run = subprocess.run(["java", "-cp", JAVA + ":" + os.path.join(JAVA, "jars", "*"),
                          "ParquetRead", *paths], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                         check=True, timeout=900)
    files = re.split(r"(?m)^== .*\n", run.stdout.decode())[1:]
    return [text.splitlines() for text in files]


# ---- damaged files ------------------------------------------------------------------------

def digest(table):
    h = hashlib.sha256()
    for line in table.lines():
        h.update(line.encode() + b"\n")
    return h.hexdigest()


def read_files(name, paths):
    """A bound, so that a size that damage made large is an error, and not all memory."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for path in paths:
        with open(path, "rb") as f:
            body = f.read()
        try:
            line = digest(READERS[name](body))
        except (Refused, UnicodeError) as e:
            line = "refused: %s" % str(e).replace("\n", " ")
        print(line, flush=True)


def outcomes(name, paths, seconds=300):
    """{path: its line, or "crash: ...", or "no end"}, however the reading process ends."""
    left, found = list(paths), {}
    while left:
        run = subprocess.Popen([sys.executable, os.path.abspath(__file__), "--read", name, *left],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            out, err = run.communicate(timeout=seconds)
            end = "crash: %d, %s" % (run.returncode, err[-300:])
        except subprocess.TimeoutExpired:
            run.kill()
            out, _ = run.communicate()
            end = "no end after %g s" % seconds
        lines = out.splitlines()
        found.update(zip(left, lines))
        if len(lines) < len(left):
            found[left[len(lines)]] = end
        left = left[len(lines) + 1:]
    return found


# ---- this file's test ---------------------------------------------------------------------

MANIFEST = {"format": 6, "request": {"a": 1, "b": [None, "\u00e4"]}, "parameters": []}
ENTRY = {"vehicle": "vehicle_\u00e4"}
KEYS = {"telemetry.format": "6", "telemetry.vehicle": "vehicle_\u00e4",
        "telemetry.request": json.dumps(MANIFEST["request"]), "telemetry.parameters": "[]"}


def example():
    """Two days of several row groups; a double of each kind, texts, a column of nulls."""
    n = 5000
    doubles = [-0.0, 5e-324, None, 1.7976931348623157e308, 0.1, None, -2.0 ** 53, 0.0]
    texts = ["", None, "a\0b", "\u20ac\U0001f600", "x" * 300, None, '"=\n']
    return oracle.Table([1543536000000 + 20000 * i + i % 7 for i in range(n)], [
        ("state", "double", [doubles[i % 8] for i in range(n)]),
        ("state_text_2", "text", [texts[i % 7] for i in range(n)]),
        ("STATE_text", "double", [float(i) if i % 3 else None for i in range(n)]),
        ("\u00e4 [a,\"b\"]", "double", [None] * n),
        ("\u00e4 [a,\"b\"]_text", "text", [None] * (n - 1) + ["late"])])


def put(value, *path):
    """An edit that sets a field of a footer: of the first row group's column."""
    def edit(fields):
        chunk = chunks_of(fields)[0][path[0]]
        for field in path[1:-1]:
            chunk = chunk[field][1]
        chunk[path[-1]] = value
    return edit


def set_schema(column, field, value):
    def edit(fields):
        element = fields[2][1][1][1 + column]
        if value is None:
            element.pop(field, None)
        else:
            element[field] = value
    return edit


def test_readers(is_, tables):
    for what, table in tables:
        for options in ({}, {"use_dictionary": True, "column_encoding": None}):
            body = written(table, KEYS, **options)
            for name, read in READERS.items():
                is_(oracle.table_difference(name, read(body), table), None,
                    "%s: %s reads it%s" % (what, name, ", dictionaries" if options else ""))
        is_(wrong(written(table, KEYS), table, ENTRY, MANIFEST), None, what + ": made as promised")


def test_types(ok, body):
    """time is nullable, of local time, of us, no time; a column is required, no text, a whole
    number."""
    local = {1: (STRUCT, {}), 8: (STRUCT, {1: (TRUE + 1, False), 2: (STRUCT, {1: (STRUCT, {})})})}
    for what, *edits in (
            ("time nullable", set_schema(0, 3, (I32, 1))),
            ("time local", set_schema(0, 10, (STRUCT, {8: local[8]})), set_schema(0, 6, None)),
            ("time of us", set_schema(0, 10, None), set_schema(0, 6, (I32, 10))),
            ("time a whole number", set_schema(0, 10, None), set_schema(0, 6, None)),
            ("time Time", set_schema(0, 4, (BINARY, b"Time"))),
            ("a double required", set_schema(1, 3, (I32, 0))),
            ("a text that is bytes", set_schema(2, 10, None), set_schema(2, 6, None)),
            ("a double that is an int64", set_schema(1, 1, (I32, 2)))):
        bad = edited(body, *edits)
        for name, read in READERS.items():
            if name != "pyarrow" and ("nullable" in what or "required" in what):
                continue                 # which the others do not show
            try:
                read(bad)
                ok(False, "%s: %s" % (name, what))
            except Refused as e:
                ok(True, "%s: %s" % (name, what), e)


def test_wrong(ok, table, body):
    for what, want, *edits in (
            ("a null more", "null_count", put((I64, 7), 1, 12, 3)),
            ("no null_count", "no statistics", put((STRUCT, {}), 2, 12)),
            ("a smaller minimum", "min and max",
             put((BINARY, struct.pack("<d", -1e300)), 1, 12, 6)),
            ("a larger maximum", "min and max",
             put((BINARY, struct.pack("<q", 1 << 60)), 0, 12, 5)),
            ("a minimum of a text", "min and max are there",
             put((STRUCT, {3: (I64, 286), 5: (BINARY, b"z"), 6: (BINARY, b"")}), 2, 12)),
            ("no column order", "column orders", lambda f: f.pop(7)),
            ("another codec", "compression", put((I32, 1), 1, 4)),
            ("another encoding", "encodings", put((LIST, (I32, [0, 3, 8])), 0, 2)),
            ("a size", "total_uncompressed_size", put((I64, 5), 3, 6)),
            ("another number of values", "999 values", put((I64, 999), 1, 5)),
            ("a key more", "metadata has", with_keys(dict(KEYS, more="1"))),
            ("another request", "telemetry.request", with_keys(dict(KEYS, **{
                "telemetry.request": '{"b": [null, "\u00e4"], "a": 1}'}))),
            ("a member twice", "duplicate member", with_keys(dict(KEYS, **{
                "telemetry.parameters": '[{"a": 1, "a": 1}]'}))),
            ("another vehicle", "telemetry.vehicle", with_keys(dict(KEYS, **{
                "telemetry.vehicle": "v"})))):
        got = wrong(edited(body, *edits), table, ENTRY, MANIFEST)
        ok(got and want in got, "found: " + what, got)
    for what, want, rows, options in (
            ("pages of version 2", "pages of types [3]", 1000, {"data_page_version": "2.0"}),
            ("two pages", "pages of types [0, 0", 1000, {"data_page_size": 100,
                                                         "write_batch_size": 10}),
            ("not compressed", "compression UNCOMPRESSED", 1000, {"compression": "none"}),
            ("times PLAIN", "want ['DELTA_BINARY_PACKED']", 1000, {"column_encoding": None}),
            ("doubles in streams", "want ['PLAIN']", 1000, {"column_encoding": {
                "time": "DELTA_BINARY_PACKED", "STATE_text": "BYTE_STREAM_SPLIT"}})):
        got = wrong(written(table, KEYS, rows, **options), table, ENTRY, MANIFEST)
        ok(got and want in got, "found: " + what, got)
    moved = oracle.Table([t - 10800000 for t in table.times], table.columns)
    request = dict(MANIFEST["request"], every="1s")
    stepped = edited(body, with_keys(dict(KEYS, **{"telemetry.request": json.dumps(request)})))
    got = wrong(stepped, moved, ENTRY, dict(MANIFEST, request=request))
    ok(got and "2 days" in got, "found: a row group of two days", got)
    at = footer(body)[1]
    holed = body[:at] + b"abc" + body[at:]
    ok("bytes between" in str(wrong(holed, table, ENTRY, MANIFEST)), "found: bytes between",
       wrong(holed, table, ENTRY, MANIFEST))


def test_damage(is_, ok, table, body):
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, "%d" % i) for i in range(3)]
        for path, content in zip(paths, (body, body[:-1], written(example(), KEYS, rows=77))):
            with open(path, "wb") as f:
                f.write(content)
        for name in READERS:
            got = outcomes(name, paths)
            is_([got[path].partition(":")[0] for path in paths],
                [digest(table), "refused", digest(table)], name + " in its own process")
        READERS["none"] = None
        is_(set(outcomes("none", paths[:1]).values()) != {digest(table)}, True, "a crash is told")
        found = areas(body)
        ok(all(a < b for spans in found.values() for a, b in spans) and
           len(found["headers"]) == len(found["data"]) > 20, "areas of a file", found["footer"])


def self_test():
    from service import done, is_, ok
    table, body = example(), written(example(), KEYS)
    test_readers(is_, [("an example", table), ("no rows", oracle.Table([], [("a", "double", [])])),
                       ("no columns", oracle.Table([5], []))])
    is_(edited(body), body[:footer(body)[1]] + edited(body)[footer(body)[1]:], "footers")
    is_(footer(edited(body)), footer(body), "a footer read and written")
    test_types(ok, body)
    test_wrong(ok, table, body)
    test_damage(is_, ok, table, body)
    return done()


def main(argv):
    import readers                       # which imports this module
    if not readers.installed():
        sys.stderr.write("%s is missing: t/readers.py\n" % readers.FOLDER)
        return 1
    if argv[1:] == ["--self-test"]:
        return self_test()
    if argv[1:2] == ["--read"]:
        read_files(argv[2], argv[3:])
        return 0
    sys.stderr.write(__doc__)
    return 64


if __name__ == "__main__":
    sys.exit(main(sys.argv))
