#!/usr/bin/python3
"""Small random fleets, everything derived from the seed: the input of t/0500-oracle-files.t,
t/0560-parquet.t and t/3100-oracle.t.

    fleet(seed, unsound=False, usual=False, steps=False, days=False, parquet=False)
        -> (data, request), as t/oracle.py takes them

unsound=False  only documents that mongod 6.0 accepts on insert, each _id once a collection
unsound=True   also documents that are not sound BSON, nesting up to and over 200, vehicle names
               that no database can have; the order_ms of a document gives its place
usual=True     nearly all documents are as a logger writes them: leaves of all types, ascending,
               within their hour; more hours, more points
steps=True     rows are fixed steps, of midnights, leap days, hours and days without data
days=True      files are of days or months, in zones of odd midnights; a vehicle has points at
               these, others have days without data, or no rows
parquet=True   a fleet of one of these kinds, as Parquet files; and vehicles for them: values that a
               double holds or does not, texts that come late, runs with and without points of
               lengths at which encodings change, names like those of companions, many columns
Of the other seeds half have fixed steps, and a vehicle with points on the edges of them; two fifths
have files by days or months.

    t/fleet.py --write DIR --seed N [--unsound] [--usual] [--steps] [--days] [--parquet]
    t/fleet.py --write DIR --seed N --busy DAYS       one vehicle of scripts/dev/generate --busy

writes DIR/request.json and DIR/data/<vehicle>/<parameter>.docs, both names percent-encoded.
A record is: int64 LE order_ms, uint32 LE length, the raw bytes. Records are in any order; the
reader takes those with startDate - 3600000 < order_ms < endDate (with `hold` also that much
earlier ones), sorted by order_ms (stable), and those of order_ms -2**63, whose _id has no place in
time, first in startDate's hour.
Times are Unix ms. Fails only where DIR cannot be written.
"""
import argparse
import datetime
import json
import math
import os
import random
import struct
import sys
import urllib.parse
import zoneinfo
from fractions import Fraction

HOUR = 3600000
DAY = 24 * HOUR
TIMELESS = -2 ** 63                    # order_ms of an _id that has no place in time

DOUBLE, STRING, DOCUMENT, ARRAY, BINARY, OBJECTID, BOOL, DATE = 1, 2, 3, 4, 5, 7, 8, 9
UNDEFINED, NULL, REGEX, POINTER, CODE, SYMBOL, SCOPE = 6, 10, 11, 12, 13, 14, 15
INT32, TIMESTAMP, INT64, DECIMAL, MAXKEY, MINKEY = 16, 17, 18, 19, 0x7F, 0xFF

ZERO_EXPONENT = 6176 << 49             # high half of a Decimal128 with exponent 0


# ---- BSON, sound or not: an element is (key bytes, type, value bytes) ---------------------

def doc(elements):
    body = b"".join(bytes([kind]) + key + b"\0" + value for key, kind, value in elements)
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def text(raw):
    return struct.pack("<i", len(raw) + 1) + raw + b"\0"


def level(elements):
    """The value of a level that holds these elements."""
    return doc([(b"values", DOCUMENT, doc(elements))])


def int32(n):
    return struct.pack("<i", n)


def int64(n):
    return struct.pack("<q", n)


def double(x):
    return struct.pack("<d", x)


def decimal(high, low):
    return struct.pack("<QQ", low, high)


def scope(code, inside):
    size = 4 + 4 + len(code) + 1 + len(inside)
    return int32(size) + text(code) + inside


# ---- leaves -------------------------------------------------------------------------------

ODD_DOUBLES = [
    0.0, -0.0, math.nan, math.inf, -math.inf, 1e21, 1e-7, 5e-324, 0.1 + 0.2, 1e20, 1e-6, 1.5e-7,
    999999999999999900000.0, 123456789012345680000.0, 2.0 ** 53, 2.0 ** 53 + 2, -2.0 ** 63,
    2.0 ** 64, 1e22, 1e23, 1.7976931348623157e308, 2.2250738585072014e-308, 4.35, 0.3, 100.0,
    9007199254740993.0, 1e15, 1e16, 1e17, 0.000001234, 1.0000000000000002, 5e-7, 123456.789,
    4503599627370496.5, 0.5, 0.05, 99.995, 1e5, 1e10, -1e21, -1e-7, 12345678.9, 1e300,
]
STRINGS = [
    b"", b"abc", b"a,b", b'say "x"', b'"', b"a\nb", b"a\rb", b"a\r\nb", b"\n", b"\r", b"\t",
    b"a\tb", b"=1+1", b"+1", b"-1", b"@x", b"=a,b", b'="x"', b"\tx", b"\rx", b"\nx", b"'x", b" x ",
    "äöü".encode(), "€ 5,00".encode(), "\U0001f600".encode(), "日本".encode(), b"a\0b",
    b"\0",
    b"=\0", b"true", b"12.50", "=ä".encode(), "\u2028".encode(), "\ufeffx".encode(), b"a" * 300,
    b"x" * 70 + b'",' * 40, b"a=b", b"a;b", "\U0010ffff".encode(), b"ok;=1+1;x", b'a;"=1"',
    b"a\n-1", b"\0@x", "a; \uff1d1".encode(), "\uff0b\uff1e;\uff20".encode(),
]
BAD_UTF8 = [b"\xff", b"abc\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80",
            b"a\xe2\x82", b"\xf8\x88\x80\x80\x80", b"=\xff,", b"\xe0\x80\xaf", b"\xf0\x80\x80\x80"]
DECIMALS = [
    (0, 0), (1 << 63, 0), (ZERO_EXPONENT, 0), (1 << 63 | ZERO_EXPONENT, 0),
    (ZERO_EXPONENT + (3 << 49), 1), (ZERO_EXPONENT - (2 << 49), 150),
    (ZERO_EXPONENT - (7 << 49), 1), (ZERO_EXPONENT - (6 << 49), 1),
    (ZERO_EXPONENT - (7 << 49), 10), (ZERO_EXPONENT + (3 << 49), 0),
    (0x5FFFED09BEAD87C0, 0x378D8E63FFFFFFFF), (0x3041ED09BEAD87C0, 0x378D8E63FFFFFFFF),
    (0x3041ED09BEAD87C0, 0x378D8E6400000000), (0x3041FFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF),
    (0x6C10000000000000, 0), (0x6C10000000000000, 7), (0xEC10000000000000, 7),
    (0x77FFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF),
    (0x7800000000000000, 0), (0xF800000000000000, 0), (0x7C00000000000000, 0),
    (0x7E00000000000000, 1), (0xFC00000000000000, 0), (0x78000000000000FF, 9),
]


def odd_double(r):
    how = r.randrange(6)
    if how == 0:
        return r.choice(ODD_DOUBLES)
    if how == 1:
        return struct.unpack("<d", struct.pack("<Q", r.getrandbits(64)))[0]
    if how == 2:
        return math.ldexp(r.choice((1, -1)), r.randrange(-1074, 1024))
    if how == 3:
        return float(r.randrange(10 ** r.randrange(1, 23))) * r.choice((1, -1))
    if how == 4:
        return r.randrange(-10 ** 17, 10 ** 17) / 10 ** r.randrange(20)
    return math.nextafter(r.choice(ODD_DOUBLES), r.choice((-math.inf, math.inf)))


def any_decimal(r):
    how = r.randrange(4)
    if how == 0:
        return decimal(*r.choice(DECIMALS))
    if how == 1:
        return decimal(r.getrandbits(64), r.getrandbits(64))
    if how == 2:
        coefficient, exponent = r.randrange(10 ** r.randrange(1, 35)), r.randrange(12288)
    else:
        coefficient, exponent = r.randrange(10 ** r.randrange(1, 12)), r.randrange(6160, 6182)
    return decimal(r.getrandbits(1) << 63 | exponent << 49 | coefficient >> 64,
                   coefficient & 2 ** 64 - 1)


def plain_leaf(r):
    """A leaf of ordinary telemetry: (type, value bytes)."""
    how = r.randrange(10)
    if how < 4:
        return INT32, int32(r.randrange(-500, 20000))
    if how < 8:
        return DOUBLE, double(round(r.uniform(-100, 500), r.randrange(3)))
    if how == 8:
        return INT64, int64(r.randrange(10 ** 13))
    return BOOL, r.choice((b"\0", b"\1"))


def usual_leaf(r):
    """A leaf as loggers write them, now and then a very odd one: (type, value bytes)."""
    how = r.randrange(40)
    if how == 0:
        return DOUBLE, double(odd_double(r))
    if how == 1:
        return INT64, int64(r.choice((2 ** 63 - 1, -2 ** 63, r.randrange(-2 ** 63, 2 ** 63))))
    if how == 2:
        return INT32, int32(r.choice((2 ** 31 - 1, -2 ** 31, 0, r.randrange(-2 ** 31, 2 ** 31))))
    return wild_leaf(r) if how == 3 else plain_leaf(r)


def wild_leaf(r):
    """Any leaf that is a point: (type, value bytes)."""
    how = r.randrange(12)
    if how < 4:
        return DOUBLE, double(odd_double(r))
    if how == 4:
        return INT32, int32(r.choice((0, -1, 2 ** 31 - 1, -2 ** 31,
                                      r.randrange(-10 ** 6, 10 ** 6))))
    if how == 5:
        return INT64, int64(r.choice((0, 2 ** 63 - 1, -2 ** 63, 10 ** 18, -10 ** 18, 2 ** 53 + 1,
                                      r.randrange(-2 ** 63, 2 ** 63))))
    if how == 6:
        return BOOL, r.choice((b"\0", b"\1"))
    if how < 9:
        return DECIMAL, any_decimal(r)
    if how == 9:
        return STRING, text("".join(r.choice("ab,\"\r\n\t=+-@ 'äß€;\uff1d") for _ in range(
            r.randrange(8))).encode())
    return STRING, text(r.choice(STRINGS))


def bad_leaf(r):
    """What is neither a point nor a level: (type, value bytes)."""
    return r.choice([
        (NULL, b""), (UNDEFINED, b""), (MINKEY, b""), (MAXKEY, b""), (OBJECTID, r.randbytes(12)),
        (ARRAY, doc([])), (ARRAY, doc([(b"0", INT32, int32(1)), (b"1", NULL, b"")])),
        (ARRAY, doc([(b"values", DOCUMENT, doc([(b"1", INT32, int32(1))]))])),
        (REGEX, b"a.*\0i\0"), (REGEX, b"\0\0"), (DATE, int64(1482246000000)),
        (TIMESTAMP, r.randbytes(8)), (BINARY, int32(3) + b"\0abc"), (BINARY, int32(0) + b"\x04"),
        (POINTER, text(b"db.c") + r.randbytes(12)), (CODE, text(b"f()")), (SYMBOL, text(b"=s")),
        (SCOPE, scope(b"x", doc([(b"values", INT32, int32(1))]))), (SCOPE, scope(b"", doc([]))),
        (STRING, text(r.choice(BAD_UTF8))), (STRING, text(r.choice(BAD_UTF8)))])


def bad_level(r):
    """A level without a `values` document."""
    return DOCUMENT, r.choice([
        doc([]), doc([(b"value", DOCUMENT, doc([]))]), doc([(b"values", NULL, b"")]),
        doc([(b"values", ARRAY, doc([(b"0", INT32, int32(1))]))]),
        doc([(b"values", DOCUMENT, doc([(b"1", INT32, int32(1))])), (b"values", INT32, int32(1))]),
        doc([(b"Values", DOCUMENT, doc([])), (b"1", INT32, int32(1))])])


BAD_KEYS = [b"", b"abc", b"-1", b"+1", b"12345678901", b" 1", b"1 ", b"1.5", b"1e3", b"0x1",
            b"values", b"00000000001", b"99999999999", b"1_0", b"\xd9\xa1", b"\xff1", b"12a", b"-",
            b"_id", b"/", b":", b"1\n"]


# ---- trees --------------------------------------------------------------------------------

def tree(r, depth, span, n, leaf):
    """Elements of a `values`: about n leaves below `depth` levels within span ms."""
    if depth <= 1 or n <= 1 and r.random() < 0.5:
        grid = r.choice((1, 1, 10, 1000, 60000))       # columns share some of their times
        return [(b"%d" % (r.randrange(max(1, span)) // grid * grid), *leaf(r)) for _ in range(n)]
    children = max(1, min(n, r.choice((1, 2, 3, 6))))
    step = max(1, span // r.choice((children, 6, 12)))
    elements = []
    for i in range(children):
        share = n // children + (i < n % children)
        at = r.randrange(max(1, span // step)) * step
        elements.append((b"%d" % at, DOCUMENT, level(tree(r, depth - 1, step, share, leaf))))
    if r.random() < 0.2:
        elements.append((b"%d" % r.randrange(max(1, span)), *leaf(r)))
    return elements


def steady(r, depth, base, span, period, leaf):
    """Elements as a logger writes them: a point each period ms, in order."""
    period = max(100, period // 100 * 100)
    offset = r.choice((0, 0, r.randrange(period)))     # columns often share their times
    steps = [3600000, 300000, 60000, 10000, 5000][:max(0, depth - 1)]
    step = steps[-1] if steps else span
    out = []
    for at in range(0, span, step):
        points = [(b"%d" % (t - at), *leaf(r)) for t in range(at + offset,
                                                             min(at + step, span), period)]
        keys, rest = [], at
        for one in steps:
            keys.append(rest // one * one)
            rest %= one
        for key in reversed(keys):
            points = [(b"%d" % key, DOCUMENT, level(points))]
        out += points
    return out


def logged(r, steps, times, leaf):
    """Elements of one `values` for these ascending times: levels of these steps, no key twice."""
    if not steps:
        return [(b"%d" % t, *leaf(r)) for t in times]
    below = {}
    for t in times:
        below.setdefault(t // steps[0] * steps[0], []).append(t % steps[0])
    return [(b"%d" % key, DOCUMENT, level(logged(r, steps[1:], rest, leaf)))
            for key, rest in below.items()]


def collisions(r, depth, leaf):
    """Many ways to the same few ms: duplicate keys, leaf and level under one key, zeros."""
    elements = []
    for _ in range(r.randrange(1, 5)):
        key = b"%0*d" % (r.choice((1, 1, 1, 2, 10)), r.randrange(4))
        if depth > 1 and r.random() < 0.5:
            elements.append((key, DOCUMENT, level(collisions(r, depth - 1, leaf))))
        else:
            elements.append((key, *leaf(r)))
    return elements


def chain(r, nesting, kind, inside):
    """The value (bytes) of `nesting` documents or arrays, one in another."""
    raw = doc(inside)
    for _ in range(nesting - 1):
        raw = doc([(b"0", kind, scope(b"c", raw) if kind == SCOPE else raw)])
    return raw


def spoil(r, elements, leaf):
    """Put some elements that are to be skipped between the others, odd keys too."""
    for _ in range(r.randrange(1, 5)):
        how = r.randrange(4)
        if how == 0:
            new = (r.choice(BAD_KEYS), *r.choice((leaf, bad_leaf, bad_level))(r))
        elif how == 1:
            new = (b"%d" % r.randrange(HOUR), *bad_leaf(r))
        elif how == 2:
            new = (b"%d" % r.randrange(HOUR), *bad_level(r))
        else:
            new = (r.choice((b"9999999999", b"0000000007", b"00", b"0", b"3600000")), *leaf(r))
        elements.insert(r.randrange(len(elements) + 1), new)
    if r.random() < 0.5:                              # the same below a level
        key = b"%d" % (r.randrange(60) * 60000)
        inner = [(b"%d" % r.randrange(60000), *leaf(r)), (r.choice(BAD_KEYS), *leaf(r)),
                 (b"5", *bad_leaf(r))]
        elements.append((key, DOCUMENT, level(inner)))


LEVELS = [[3600000, 300000, 60000, 10000], [3600000, 300000, 60000, 5000], [3600000], []]


def extras(r):
    """Top-level elements next to _id and values."""
    choice = [
        (b"levels", ARRAY, doc([(b"%d" % i, INT32, int32(n)) for i, n in enumerate(
            r.choice(LEVELS))])),
        (b"levels", NULL, b""), (b"values2", DOCUMENT, doc([(b"1", INT32, int32(1))])),
        (b"unit", STRING, text(b"km/h")), (b"note", STRING, text(b"\xff\xfe")),
        (b"", INT32, int32(1)), (b"n", *bad_leaf(r)), (b"12", *wild_leaf(r)),
        (b"deep", DOCUMENT, chain(r, r.randrange(1, 40), r.choice((DOCUMENT, ARRAY, SCOPE)), [])),
    ]
    return r.sample(choice, r.choice((0, 0, 1, 2, 4)))


def whole(r, ident, elements, plain):
    """The hour document with these elements in its `values`: bytes."""
    if plain:
        top = [ident] + ([] if r.random() < 0.3 else [
            (b"levels", ARRAY, doc([(b"%d" % i, INT32, int32(n)) for i, n in enumerate(
                LEVELS[0])]))]) + [(b"values", DOCUMENT, doc(elements))]
        return doc(top)
    top = extras(r)
    how = r.random()
    if how < 0.04:
        top.append((b"values", *bad_leaf(r)))         # the only one, or the last one
        if r.random() < 0.5:
            top.insert(0, (b"values", DOCUMENT, doc(elements)))
    elif how < 0.06:
        pass                                          # none at all
    else:
        if how < 0.12:
            top.insert(0, (b"values", *r.choice([
                (DOCUMENT, doc([(b"1", INT32, int32(111)), (b"x", NULL, b"")])), (NULL, b""),
                (ARRAY, doc([]))])))
        top.append((b"values", DOCUMENT, doc(elements)))
        if how > 0.8:                                 # extras after it, order kept among `values`
            top += extras(r)
    top.insert(0 if r.random() < 0.7 else r.randrange(len(top) + 1), ident)
    return doc(top)


# ---- unsound documents --------------------------------------------------------------------

def bad_element(r):
    """An element that makes its document unsound."""
    return (b"%d" % r.randrange(100), *r.choice([
        (BOOL, b"\2"), (BOOL, b"\xff"), (0x14, b""), (0x80, b""), (0x00, b""), (0xF0, b"\0\0\0\0"),
        (STRING, int32(0)), (STRING, int32(-1) + b"\0"), (STRING, int32(9000000) + b"abc\0"),
        (STRING, int32(3) + b"abc"), (STRING, int32(2 ** 31 - 1)),
        (STRING, int32(-2 ** 31) + b"\0"),
        (BINARY, int32(-1) + b"\0"), (BINARY, int32(2 ** 31 - 1) + b"\0"),
        (BINARY, int32(-2 ** 31) + b"\0abc"), (DOCUMENT, int32(4) + b"\0"),
        (DOCUMENT, int32(6) + b"\0"), (DOCUMENT, int32(-5) + b"\0"), (DOCUMENT, int32(5) + b"\1"),
        (DOCUMENT, int32(2 ** 31 - 1) + b"\0"), (ARRAY, int32(7) + b"\0\0\1"),
        (DOCUMENT, doc([(b"values", DOCUMENT, int32(6) + b"\0\0")])),
        (ARRAY, doc([(b"0", BOOL, b"\7")])), (CODE, int32(0)), (SYMBOL, int32(2) + b"xy"),
        (SCOPE, int32(4 + 6 + 4) + text(b"x") + doc([])), (SCOPE, int32(13) + text(b"") + doc([])),
        (SCOPE, int32(4 + 6 + 6) + text(b"x") + doc([]) + b"\0"),
        (SCOPE, int32(4 + 6 + 8) + text(b"x") + doc([]) + b"\x0ax\0"),
        (SCOPE, int32(-1) + text(b"x") + doc([])), (SCOPE, scope(b"x", doc([(b"b", BOOL, b"\2")]))),
        (DOCUMENT, chain(r, 250, DOCUMENT, [])), (ARRAY, chain(r, 250, ARRAY, [])),
        (SCOPE, scope(b"x", chain(r, 250, SCOPE, [])))]))


def break_document(r, ident, elements):
    """The bytes of a document that most probably is not sound BSON; its _id is first."""
    how = r.choice((0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 7))
    if how == 0:
        top = [ident, (b"values", DOCUMENT, doc(elements)), bad_element(r)]
        if r.random() < 0.5:
            top[1:] = reversed(top[1:])
        return doc(top)
    if how == 1:
        elements.insert(r.randrange(len(elements) + 1), bad_element(r))
        return doc([ident, (b"values", DOCUMENT, doc(elements))])
    if how == 2:                                      # nesting at and over the limit
        kind = r.choice((DOCUMENT, ARRAY, SCOPE))
        inner = chain(r, r.choice((197, 198, 199, 200)), kind, [(b"1", INT32, int32(1))])
        if kind == SCOPE:
            inner = scope(b"c", inner)
        return doc([ident, (b"values", DOCUMENT, doc(elements)), (b"x", kind, inner)])
    if how == 3:                                      # the same, made of levels: 2 + 2 * n deep
        inner = elements[:3]
        for _ in range(r.choice((98, 99, 100))):
            inner = [(b"1", DOCUMENT, level(inner))]
        return doc([ident, (b"values", DOCUMENT, doc(inner))])
    raw = bytearray(doc([ident, (b"values", DOCUMENT, doc(elements))]))
    safe = 4 + 1 + 4 + len(ident[2])                  # the _id is left as it is
    if how == 4:
        del raw[r.randrange(len(raw)):]
        if len(raw) >= 4 and r.random() < 0.5:        # with a length that fits again
            raw[:4] = int32(len(raw))
    elif how == 5:
        raw[:4] = int32(r.choice((0, 4, -1, len(raw) - 1, len(raw) + 1, 2 ** 31 - 1)))
    elif how == 6:
        raw += r.choice((b"\0", b"\1\2\3", bytes(20)))
        if r.random() < 0.5:
            raw[:4] = int32(len(raw))
    else:
        for _ in range(r.choice((1, 1, 2, 5))):
            raw[r.randrange(safe, len(raw))] = r.choice((0, 1, 255, r.randrange(256)))
    return bytes(raw)


# ---- ids ----------------------------------------------------------------------------------

def ident_of(r, ms, kinds):
    """(element, what it is compared by) of a usable _id."""
    kind = r.choice(kinds)
    if kind == INT32 and not -2 ** 31 <= ms < 2 ** 31:
        kind = INT64
    value = {INT32: int32, INT64: int64, DATE: int64, DOUBLE: double}[kind](
        ms if ms or kind != DOUBLE else r.choice((0.0, -0.0)))
    return (b"_id", kind, value), (kind == DATE, Fraction(ms))


def unusable(r, ms):
    """(element, order_ms, what it is compared by) of a number that is not a usable _id."""
    if r.random() < 0.6:
        x = ms + r.choice((0.5, 0.25, 0.75, 0.125))
        if x == int(x):
            x = ms + 0.5
        return (b"_id", DOUBLE, double(x)), math.floor(x), (False, Fraction(x))
    digits = r.choice((0, 0, 1, 3))
    coefficient = ms * 10 ** digits + (r.randrange(10 ** digits) if digits else 0)
    sign = 1 << 63 if coefficient < 0 else 0
    value = decimal(sign | ZERO_EXPONENT - (digits << 49), abs(coefficient))
    exact = Fraction(coefficient, 10 ** digits)
    return (b"_id", DECIMAL, value), math.floor(exact), (False, exact)


def timeless(r):
    """(element, what it is compared by) of an _id that has no place in time."""
    n, raw = r.randrange(1, 10 ** 9), r.randbytes(12)
    word = r.choice((b"", b"1482246000000", "\u00fc\n\x1f\"\\".encode(), b"a" * 100, b"a" * 101))
    rank, by, kind, value = r.choice([
        (0, 0, MINKEY, b""), (1, 0, NULL, b""), (2, 0, DOUBLE, double(math.nan)),
        (2, 0, DECIMAL, decimal(0x7C << 56, 0)), (3, word, STRING, text(word)),
        (4, n, DOCUMENT, doc([(b"t", INT64, int64(n))])), (5, 0, BINARY, int32(2) + b"\0ab"),
        (6, raw, OBJECTID, raw), (7, 1, BOOL, b"\1"), (8, n, TIMESTAMP, struct.pack("<II", n, 1)),
        (9, 0, MAXKEY, b"")])
    return (b"_id", kind, value), (rank, by)


# ---- a collection -------------------------------------------------------------------------

class Collection:
    """Documents of one parameter while they are made; an _id is taken once."""

    def __init__(self):
        self.taken, self.found = set(), []

    def add(self, order_ms, compared, raw):
        """False where the _id is there already."""
        if compared in self.taken:
            return False
        self.taken.add(compared)
        self.found.append((order_ms, compared, raw))
        return True

    def documents(self, r):
        """[(order_ms, raw)] shuffled, but those of one order_ms in the order of reading."""
        looked = [d for d in self.found if d[0] != TIMELESS]
        looked.sort(key=lambda d: (d[0], d[1]))
        groups = {}
        for order_ms, _, raw in looked:
            groups.setdefault(order_ms, []).append((order_ms, raw))
        others = [d for d in self.found if d[0] == TIMELESS]
        out = [(d[0], d[2]) for d in sorted(others, key=lambda d: d[1])]
        for order_ms in r.sample(sorted(groups), len(groups)):
            out += groups[order_ms]
        return out


ALL_KINDS = [INT32, INT64, DOUBLE, DATE]


def edge_points(r, base, start, end, leaf):
    """Elements whose points lie at the ends of the range or a ms from them."""
    times = [start - 1, start, start + 1, end - 1, end, end + 1]
    return [(b"%d" % (t - base), *leaf(r)) for t in times
            if 0 <= t - base <= 9999999999 and r.random() < 0.6]


def fill_usual(r, hours, start, end, per_hour):
    """One collection as a logger writes it: a document an hour, with an odd one here and there."""
    c = Collection()
    kinds, depth = r.choice((ALL_KINDS, [INT64], [DATE], [DOUBLE])), r.randrange(1, 6)
    odd = r.choice((0, 0, 0, 0.01, 0.1))
    for hour in hours:
        n = max(1, int(per_hour * r.uniform(0.1, 1.5)))
        period = max(100, HOUR // n // 100 * 100)
        times = range(r.choice((0, 0, r.randrange(period))), HOUR, period)
        elements = logged(r, [3600000, 300000, 60000, 10000][:depth - 1], times, usual_leaf)
        how = r.random()
        if how < odd / 4:                              # reaches into later hours
            elements += [(b"%d" % (HOUR * r.choice((1, 1, 2, 30)) + r.randrange(HOUR)),
                          *usual_leaf(r))]
        elif how < odd / 2:
            r.shuffle(elements)
        elif how < odd:
            spoil(r, elements, usual_leaf)
        ident, compared = ident_of(r, hour, kinds)
        c.add(hour, compared, whole(r, ident, elements, how >= odd))
    return c.documents(r)


def fill(r, hours, start, end, style, unsound, per_hour):
    """One collection's documents [(order_ms, raw)]."""
    c = Collection()
    leaf = r.choice((plain_leaf, wild_leaf)) if style != "plain" else plain_leaf
    kinds = r.choice((ALL_KINDS, [r.choice(ALL_KINDS)], [INT64, DATE]))
    depth = r.randrange(1, 9)
    for hour in hours:
        for _ in range(1 if style == "plain" else r.choice((1, 1, 2, 3))):
            base = hour
            if style != "plain" and r.random() < 0.4:
                base += r.randrange(-HOUR, HOUR)
            n = max(1, int(per_hour * r.uniform(0.3, 1.7)))
            if style == "plain":
                elements = steady(r, min(depth, 5), base, HOUR, max(1, HOUR // n), leaf)
            elif style == "collide":
                elements = collisions(r, r.randrange(1, 5), leaf)
            else:
                span = r.choice((HOUR, HOUR, HOUR, 3 * HOUR, 12 * HOUR, 10))
                elements = tree(r, r.randrange(1, 9), span, n, leaf)
                if r.random() < 0.3:                   # other documents' times as well
                    elements += tree(r, 2, 2 * HOUR, max(1, n // 4), leaf)
            if r.random() < 0.5:
                elements += edge_points(r, base, start, end, leaf)
            if style != "plain":
                if r.random() < 0.4:
                    spoil(r, elements, leaf)
                if r.random() < 0.5:
                    r.shuffle(elements)
                if r.random() < 0.2:
                    elements = [(b"%s%s" % (b"0" * r.randrange(0, max(1, 11 - len(k))), k), t, v)
                                for k, t, v in elements]
                if elements and r.random() < 0.2:
                    elements.append((r.choice(elements)[0], *leaf(r)))
                if r.random() < 0.03:
                    elements = []
                if r.random() < 0.03:                  # up to about 100 documents in each other
                    for _ in range(r.choice((20, 47))):
                        elements = [(b"%d" % r.choice((0, 1, 0)), DOCUMENT, level(elements))]
            ident, compared = ident_of(r, base, kinds)
            if unsound and style != "plain" and r.random() < 0.3:
                raw = break_document(r, ident, elements)
            else:
                raw = whole(r, ident, elements, style == "plain")
            c.add(base, compared, raw)
            if style != "plain" and r.random() < 0.15:  # number and Date of the same ms
                ident, compared = ident_of(r, base, [INT64] if compared[0] else [DATE])
                c.add(base, compared, whole(r, ident, tree(r, 2, HOUR, 3, leaf) + elements[:5],
                                            False))
    if style != "plain":
        at_the_ends(r, c, start, end, leaf, unsound)
    return c.documents(r)


def at_the_ends(r, c, start, end, leaf, unsound):
    """Documents at the ends of the window that is read, and of odd _id."""
    for base in (start - HOUR - 1, start - HOUR, start - HOUR + 1, start - 1, start, end - 1, end,
                 end + 1, start - 2 * HOUR, end + HOUR):
        if r.random() < 0.3:
            ident, compared = ident_of(r, base, ALL_KINDS)
            elements = tree(r, 2, HOUR, 4, leaf) + edge_points(r, base, start, end, leaf)
            if r.random() < 0.4:
                spoil(r, elements, leaf)
            c.add(base, compared, whole(r, ident, elements, False))
    dated = {order_ms + i for order_ms, compared, _ in c.found if compared[0] for i in (-1, 0, 1)}
    for _ in range(r.choice((0, 0, 0, 1, 3))):
        ident, order_ms, compared = unusable(r, r.randrange(start - HOUR + 1, end - 1))
        if order_ms not in dated:                      # Date and fraction: no rule
            c.add(order_ms, compared, whole(r, ident, tree(r, 2, HOUR, 3, leaf), False))
    for _ in range(r.choice((0, 0, 1, 2))):
        ident, compared = timeless(r)
        c.add(TIMELESS, ("timeless", compared), whole(r, ident, tree(r, 2, HOUR, 3, leaf), False))
    if unsound and r.random() < 0.2:                   # without any _id
        order_ms = r.randrange(start - HOUR + 1, end)
        if not any(order_ms == other for other, _, _ in c.found):
            c.add(order_ms, (False, None), doc([(b"values", DOCUMENT, doc([
                (b"1", INT32, int32(1))]))]))


def crowd(r, start, end):
    """More documents with something skipped than the manifest lists."""
    c = Collection()
    for ms in r.sample(range(start - HOUR // 2, end), min(1100, end - start)):
        ident, compared = ident_of(r, ms, ALL_KINDS)
        c.add(ms, compared, doc([ident, (b"values", DOCUMENT, doc([
            (b"%d" % r.randrange(100), INT32, int32(ms % 1000)), (b"x", NULL, b"")]))]))
    return c.documents(r)


# ---- fixed steps --------------------------------------------------------------------------

UNITS = [("h", HOUR), ("m", 60000), ("s", 1000), ("ms", 1)]
DIVISORS = [n for n in (2 ** a * 3 ** b * 5 ** c for a in range(11) for b in range(4)
                        for c in range(6)) if n >= 100]          # of a day
EVERY = [100, 200, 250, 500, 1000, 1350, 2000, 5000, 10000, 30000, 60000, 90000, 300000, 450000,
         900000, HOUR, 2 * HOUR, 6 * HOUR, 12 * HOUR, DAY]
LEAP_DAYS = [1709164800000, 1582934400000, 1456704000000, 951782400000]
HELD_ROWS = 20000                      # of a vehicle, about
# Equal ones of several types, sums that cancel, halves of the smallest, and what is no number.
STEP_LEAVES = [
    (INT32, int32(1)), (INT64, int64(1)), (DOUBLE, double(1.0)), (DECIMAL, decimal(
        ZERO_EXPONENT - (2 << 49), 100)), (INT32, int32(0)), (DOUBLE, double(-0.0)),
    (DECIMAL, decimal(1 << 63 | ZERO_EXPONENT, 0)), (INT64, int64(2 ** 53 + 1)),
    (INT64, int64(-2 ** 53 - 1)), (DOUBLE, double(2.0 ** 53)), (INT64, int64(2 ** 63 - 1)),
    (DOUBLE, double(2.0 ** 63)), (INT64, int64(-2 ** 63)), (DOUBLE, double(0.1)),
    (DOUBLE, double(0.2)), (DOUBLE, double(0.3)), (DECIMAL, decimal(ZERO_EXPONENT - (1 << 49), 1)),
    (DOUBLE, double(1e308)), (DOUBLE, double(-1e308)), (DOUBLE, double(5e-324)),
    (DOUBLE, double(1.7976931348623157e308)), (DOUBLE, double(math.nan)),
    (DOUBLE, double(-math.inf)), (DECIMAL, decimal(0x7C << 56, 0)), (DECIMAL, decimal(
        ZERO_EXPONENT + (6000 << 49), 1)), (DECIMAL, decimal(ZERO_EXPONENT - (6000 << 49), 1)),
    (BOOL, b"\1"), (BOOL, b"\0"), (STRING, text(b"")), (STRING, text(b"1")),
]


def step_leaf(r):
    """A leaf with which steps are about exactness, or a plain one: (type, value bytes)."""
    return r.choice(STEP_LEAVES) if r.random() < 0.7 else plain_leaf(r)


def length(r, ms):
    """A length of time as a request gives it, now and then not in its largest unit."""
    units = [u for u in UNITS if ms % u[1] == 0] if ms else [("s", 1)]
    unit, one = units[0] if r.random() < 0.8 else r.choice(units)
    return "%d%s" % (ms // one, unit)


def any_hold(r, every, start, end, hours):
    """0 to an hour, by which not too many rows are made of data in this number of hours."""
    hold = min(HOUR, r.choice((0, 0, 1, every - 1, every, every + 1, 3 * every, HOUR, HOUR - 1,
                               r.randrange(HOUR), r.randrange(min(every, HOUR)))))
    if min(end - start, hours * (HOUR + hold)) // every > HELD_ROWS:
        hold = min(HOUR, r.choice((0, 1, every, 2 * every + 1)))
    return hold


def edge_times(r, start, end, every, hold):
    """Times around the edges of steps, of days, of the range, and of what hold reaches; ascending,
    with long gaps between, or without."""
    times = []
    for _ in range(r.choice((1, 2, 5, 20))):
        step = r.randrange(start - hold - every, end + every) // every * every
        day = step // DAY * DAY + r.choice((0, DAY))
        times += r.choice((
            [step - 1, step, step + 1], [step - hold - r.randrange(2)],
            [r.randrange(step, step + every) for _ in range(r.choice((2, 5, 30)))],
            [day - 1, day], [day - hold - r.randrange(2)], [day - hold, day + every],
            [start - hold - 1, start - hold, start - hold + 1], [start - 1, start, start + 1],
            [start - r.randrange(hold + 1)], [end - 1, end], [end - 1 - r.randrange(every)]))
    return sorted({t for t in times if start - hold - HOUR < t < end + HOUR})


def fill_steps(r, request, every, hold, reaching):
    """One collection with points at such times."""
    return documents_at(r, edge_times(r, request["startDate"], request["endDate"], every, hold),
                        (step_leaf, step_leaf, step_leaf, wild_leaf, plain_leaf), reaching)


def documents_at(r, times, leaves, reaching):
    """One collection with points at these ascending times. Where it is reaching, documents begin
    hours before their points."""
    c = Collection()
    hours = {}
    for t in times:
        base = t // HOUR * HOUR
        if reaching and r.random() < 0.2:
            base -= r.choice((1, 1, 2, 30)) * HOUR + r.choice((0, 0, r.randrange(HOUR)))
        hours.setdefault(base, []).append(t - base)
    leaf = r.choice(leaves)
    kinds, levels = r.choice((ALL_KINDS, [INT64])), LEVELS[0][:r.randrange(4)]
    for base, times in hours.items():
        elements = logged(r, levels, times, leaf)
        if r.random() < 0.1:                           # some points twice
            elements += [(b"%0*d" % (r.randrange(1, 11), t), *leaf(r)) for t in times[:3]]
        if r.random() < 0.1:
            spoil(r, elements, leaf)
        ident, compared = ident_of(r, base, kinds)
        c.add(base, compared, whole(r, ident, elements, True))
        if r.random() < 0.1:                           # and by a document that is later
            ident, compared = ident_of(r, base + 1, kinds)
            c.add(base + 1, compared, whole(r, ident, [(b"%d" % (t - 1), *leaf(r)) for t in times
                                                       if t > 0][:3], True))
    return c.documents(r)


def steps_fleet(seed):
    """As fleet(): days of which some are leap days, hours and days without data. What with_steps()
    adds is the rest of it."""
    r = random.Random("%d/stepped" % seed)
    start = r.choice(LEAP_DAYS + SHIFTS + [r.randrange(20000) * DAY])
    start = start // HOUR * HOUR + r.choice((0, -1, -23, 12)) * HOUR
    span = r.choice((2, 26, 50, 72, 240, 960)) * HOUR
    hours = [start + i * HOUR for i in range(-2, span // HOUR + 2)]
    share = r.choice((0.05, 0.3, 0.9)) if len(hours) < 100 else 0.03
    data = {"vehicle_%d" % n: {parameter: fill_usual(
        r, [h for h in hours if r.random() < share], start, start + span,
        r.choice((1, 30, 300))) for parameter in USUAL[:r.choice((1, 2, 4))]}
            for n in range(r.choice((0, 1, 2)))}
    cut = r.choice((0, 0, 1, r.randrange(HOUR)))
    return data, {"startDate": start + cut, "endDate": start + span - cut, "vehicles": None,
                  "parameters": None, "time": r.choice(("ms", "rfc3339")),
                  "csv": r.choice(("rfc4180", "excel"))}


def with_steps(seed, data, request, always=False):
    """Of some seeds: rows that are fixed steps, and a vehicle for them. Drawn apart and last, so
    that all else of a seed stays as it is."""
    r = random.Random("%d/steps" % seed)
    if r.random() < 0.5 and not always:
        return data, request
    every = r.choice(r.choice((EVERY, DIVISORS)))
    hours = {order_ms // HOUR for collections in data.values()
             for documents in collections.values() for order_ms, _ in documents}
    hold = any_hold(r, every, request["startDate"], request["endDate"], len(hours) + 5)
    request = dict(request, every=length(r, every))
    if r.random() < 0.9:
        request["take"] = r.choice(("last", "first", "min", "max", "mean", "mean"))
    if hold or r.random() < 0.5:
        request["hold"] = length(r, hold)
    reaching = r.random() < 0.3
    names = request["parameters"] or USUAL + ["note"]
    data = dict(data, vehicle_steps={name: fill_steps(r, request, every, hold, reaching)
                                     for name in r.sample(names, min(len(names), r.choice(
                                         (1, 2, 3))))})
    if request["vehicles"] is not None:
        vehicles = list(request["vehicles"])
        vehicles.insert(r.randrange(len(vehicles) + 1), "vehicle_steps")
        request["vehicles"] = vehicles
    return data, request


# ---- files by days ------------------------------------------------------------------------

# Zones, and moments of each. Clocks are set back across midnight (St_Johns and Goose_Bay at 00:01,
# once into the month before; Casey by three hours), at midnight to 23:00, from 1:00 to midnight.
# Midnights are left out, and so are days. Days begin at a quarter of an hour of UTC.
DAY_SHIFTS = {
    "America/St_Johns": [594178260000, 1162089060000, 1257042660000, 1268537460000, 1289097060000],
    "America/Goose_Bay": [1257044460000], "Antarctica/Casey": [1267714800000],
    "America/Havana": [1446354000000, 1520744400000, 1541307600000],
    "America/Sao_Paulo": [1518919200000, 1541300400000], "America/Asuncion": [1506830400000],
    "Asia/Damascus": [1225486800000], "Pacific/Apia": [1325239200000],
    "Pacific/Kiritimati": [788868000000], "Africa/Monrovia": [63593070000],
    "Asia/Kathmandu": [504901800000], "Pacific/Chatham": [1522504800000, 1538229600000],
    "Australia/Eucla": [], "Europe/Berlin": [1540688400000], "UTC": LEAP_DAYS}
BAD_DAYS_HOURS = 6


def midnights(zone, start, end):
    """Where days begin, or about there: each 0:00 of the zone's clock, both where it comes twice;
    Unix ms."""
    walls = [datetime.datetime(1970, 1, 1) + datetime.timedelta(days=day)
             for day in range(start // DAY - 1, end // DAY + 3)]
    return sorted({int(wall.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=fold).timestamp()) * 1000
                   for wall in walls for fold in (0, 1)})


def days_range(r, zone, month):
    """(start, end) of some days around a moment of the zone, or the beginning of a month."""
    first = datetime.datetime(1971 + r.randrange(53), 1 + r.randrange(12), 1)
    moment = r.choice(DAY_SHIFTS[zone] * 2 + [
        (first - datetime.datetime(1970, 1, 1)) // datetime.timedelta(milliseconds=1)])
    hours = r.choice((72, 35 * 24, 100 * 24) if month else (26, 49, 96, 216, 40 * 24))
    start = (moment // HOUR - r.randrange(hours)) * HOUR
    end = start + hours * HOUR
    edges = midnights(zone, start, end)
    how = r.randrange(4)
    if how == 0:                                       # whole days, or a ms more
        start, end = edges[0] - r.choice((0, 0, 1)), edges[-1] + r.choice((0, 0, 1))
    elif how == 1:
        start, end = start + r.randrange(HOUR), end - r.randrange(HOUR)
    elif how == 2 and r.random() < 0.5:                # in what a clock repeats
        start, end = moment + r.randrange(HOUR), max(end, moment + DAY)
    elif how == 2:
        end = moment + 1 + r.randrange(HOUR)
    return start, end


def days_of(r, n):
    """Which of n days have data: all; none at the beginning, the end, both, between; some; one."""
    a, b = sorted((r.randrange(n), r.randrange(n)))
    return set(r.choice((range(n), range(b, n), range(a + 1), range(a, b + 1),
                         [*range(a + 1), *range(b, n)], r.sample(range(n), (n + 2) // 3), [a])))


def midnight_times(r, zone, start, end):
    """Times around midnights of some days and moments of the zone, ascending."""
    edges = midnights(zone, start, end) + DAY_SHIFTS[zone]
    n = (end - start) // DAY + 3
    with_data, share, times = days_of(r, n), r.choice((0.3, 0.7, 1)), []
    for m in edges:
        if (m - start) // DAY + 1 in with_data and r.random() < share:
            times += r.choice((
                [m - 1], [m], [m - 1, m], [m - 1, m, m + 1], [m - HOUR - 1, m - HOUR],
                [m + HOUR - 1, m + HOUR], [m + 59999, m + 60000], [m + r.randrange(DAY)],
                [m + r.randrange(-HOUR, HOUR) for _ in range(20)],
                [start - 1, start, end - 1, end]))
    return sorted({t for t in times if start - HOUR < t < end + HOUR})


def fill_bad(r, hours):
    """Documents of some of these hours, without a point."""
    c = Collection()
    for hour in r.sample(hours, min(len(hours), BAD_DAYS_HOURS)):
        ident, compared = ident_of(r, hour, ALL_KINDS)
        elements = [(b"%d" % r.randrange(HOUR), *r.choice((bad_leaf, bad_level))(r))
                    for _ in range(r.randrange(1, 4))]
        c.add(hour, compared, whole(r, ident, elements, True))
    return c.documents(r)


def days_fleet(seed):
    """(data, request, what is requested of days) as of fleet()."""
    r = random.Random("%d/days" % seed)
    zone = r.choice(list(DAY_SHIFTS) + ["America/St_Johns"] * 3 + ["Pacific/Apia"])
    month = r.random() < 0.4
    start, end = days_range(r, zone, month)
    hours = [start // HOUR * HOUR + i * HOUR for i in range(-2, (end - start) // HOUR + 2)]
    data = {}
    for n in range(r.choice((0, 1, 1, 2))):
        there = days_of(r, (end - start) // DAY + 2)
        share = r.choice((0.3, 0.9)) * min(1, 60 / len(hours))
        mine = [h for h in hours if (h - start) // DAY in there and r.random() < share]
        data["vehicle_%d" % n] = {parameter: fill_usual(r, mine, start, end, r.choice((1, 30, 200)))
                                  for parameter in USUAL[:r.choice((1, 2, 4))]}
    data["vehicle_midnight"] = {
        parameter: documents_at(r, midnight_times(r, zone, start, end),
                                (plain_leaf, step_leaf, wild_leaf), r.random() < 0.3)
        for parameter in USUAL[:r.choice((1, 2, 3))]}
    for collections in data.values():                  # what counts, and makes no row
        if r.random() < 0.5:
            collections["note"] = fill_bad(r, hours)
    if r.random() < 0.5:
        data["vehicle_rowless"] = r.choice((
            {}, {"speed": []}, {"speed": fill_bad(r, hours), "note": fill_bad(r, hours)},
            {"soc": documents_at(r, [start - 2, start - 1, end], (plain_leaf,), False)}))
    vehicles = r.sample(list(data), len(data))
    return data, {"startDate": start, "endDate": end, "vehicles": r.choice((None, vehicles)),
                  "parameters": None, "time": r.choice(("ms", "rfc3339")),
                  "csv": r.choice(("rfc4180", "rfc4180", "excel"))}, {
                      "split": "month" if month else "day",
                      "timeZone": None if zone == "UTC" and r.random() < 0.5 else zone}


def with_split(seed, request):
    """Of some seeds: files by days or months. Drawn apart and last, so that all else of a seed
    stays as it is."""
    r = random.Random("%d/split" % seed)
    if r.random() < 0.6:
        return request
    request = dict(request, split=r.choice(("day", "day", "month")))
    if request["time"] != "local":
        request["timeZone"] = r.choice(list(DAY_SHIFTS) + ZONES + [None] * 5)
    return request


# ---- Parquet files ------------------------------------------------------------------------

# Names that a companion has, too, or not quite; and signs that only a CSV guards.
PARQUET_NAMES = ["state", "State", "state_text", "STATE_TEXT", "state_text_2", "state_text_text",
                 "state [a]", "state [a]_text", "time", "time_text", "TIME_2", "text", "_text",
                 "=a", "'=a", "'=A", 'q"', "a,b", "a;=b", "speed", "speed_text", "\u00e4", "\u00c4"]
WHOLE = [2 ** 53, -2 ** 53, 2 ** 53 + 1, -2 ** 53 - 1, 2 ** 53 - 1, 2 ** 53 + 2, 2 ** 63 - 1,
         -2 ** 63, 2 ** 62, 0, -1]
STATES = [b"driving", b"parked", b"", b"charging", b"true", b"1.5", b"null", b"NaN"]
# At which a writer may begin another block, miniblock, run or width of bits.
COUNTS = [1, 2, 3, 8, 9, 31, 32, 33, 34, 64, 65, 127, 128, 129, 130, 255, 256, 257, 258, 1000]
RUNS = [1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 503, 504, 505, 512]
GRID_MAX = 4000                        # of a vehicle


def quarter(r):
    return DOUBLE, double(r.randrange(2000) / 4)


def of_pool(values):
    return lambda r: r.choice(values)


def pool_leaf(r):
    """A function that draws leaves as a column has them, from r: (type, value bytes)."""
    few = r.choice((1, 1, 2, 3, 4, 5, 16, 17, 127, 128, 129, 256, 257, 700))
    return r.choice((
        of_pool([(DOUBLE, double(odd_double(r))) for _ in range(few)]),
        of_pool([(DOUBLE, double(r.uniform(-1, 1))) for _ in range(few)]),
        of_pool([(STRING, text(b"%s%d" % (r.choice(STATES), i))) for i in range(few)]),
        of_pool([(STRING, text(state)) for state in STATES]),
        of_pool([(STRING, text(b""))]),
        of_pool([(INT64, int64(n)) for n in WHOLE]),
        of_pool([(INT64, int64(2 ** 53 + n)) for n in range(-few, few)]),
        of_pool([(DOUBLE, double(x)) for x in (0.0, -0.0, math.nan, math.inf, -math.inf)]),
        of_pool([(DOUBLE, double(x)) for x in (0.0, -0.0)] + [(INT32, int32(0))]),
        of_pool([(DOUBLE, double(math.nan)), (DECIMAL, decimal(0x7C << 56, 0))]),
        of_pool([(BOOL, b"\0"), (BOOL, b"\1")]),
        lambda r: (DECIMAL, any_decimal(r)),
        lambda r: (DOUBLE, double(r.random())),
        lambda r: (STRING, text(r.choice(STATES) * r.randrange(40))),
        lambda r: wild_leaf(r) if r.random() < 0.02 else plain_leaf(r),
        quarter, plain_leaf, usual_leaf, wild_leaf))


def grid_of(r, start, end):
    """Ascending times of rows within the range: of some of its days a number each."""
    days = range(start // DAY, (end - 1) // DAY + 1)
    times = set()
    for day in r.sample(days, min(len(days), r.choice((1, 2, 5, 40)))):
        first, last = max(start, day * DAY), min(end, day * DAY + DAY)
        if len(times) < GRID_MAX:
            n = min(r.choice(COUNTS), last - first)
            at = r.randrange(first, last)
            times |= set(r.choice((range(at, at + n), range(at, at + 100 * n, 100),
                                   range(first, first + 60000 * n, 60000),
                                   r.sample(range(first, last), n))))
    return sorted(t for t in times if start <= t < end)


def in_runs(r, times):
    """Those that a column has, in runs."""
    lengths, mine = r.sample(RUNS, r.choice((1, 2, 5))), []
    there, at = r.random() < 0.5, 0
    while at < len(times):
        n = r.choice(lengths)
        mine += times[at:at + n] if there else []
        there, at = not there, at + n
    return mine


def column_at(r, times, leaf=None):
    return documents_at(r, times, (leaf or pool_leaf(r),), r.random() < 0.1)


def late_texts(r, times):
    """Numbers, and texts only at the last of these times."""
    c, late = Collection(), r.choice((1, 1, 2, 9))
    number = r.choice((quarter, plain_leaf))
    for i, t in enumerate(times):
        leaf = (STRING, text(b"late")) if i >= len(times) - late else number(r)
        ident, compared = ident_of(r, t, [INT64])
        c.add(t, compared, doc([ident, (b"values", DOCUMENT, doc([(b"0", *leaf)]))]))
    return c.documents(r)


def thick(r, start, end):
    """Texts of which the documents of an hour have more than a row group takes."""
    times = sorted(r.sample(range(start, min(end, start + 2 * HOUR)), min(1500, end - start)))
    pieces = [r.randbytes(500).hex().encode() for _ in range(r.choice((2, 2000)))]
    return column_at(r, times, lambda r: (STRING, text(r.choice(pieces) * r.choice((1, 2)))))


def parquet_vehicles(r, names, start, end):
    """{vehicle: collections}, of these parameters."""
    grid = grid_of(r, start, end)
    mine = r.sample(names, min(len(names), r.choice((1, 2, 4, 6))))
    cuts = sorted(r.sample(range(len(grid) + 1), min(len(grid) + 1, len(mine) * 3)))
    pieces = [grid[a:b] for a, b in zip([0] + cuts, cuts + [len(grid)])]
    made = {
        "runs": lambda: {name: column_at(r, in_runs(r, grid)) for name in mine},
        "full": lambda: {name: column_at(r, grid) for name in mine},
        "late": lambda: {name: late_texts(r, in_runs(r, grid) or grid) for name in mine},
        "lone": lambda: {name: column_at(r, sum(pieces[i::len(mine)], []))
                         for i, name in enumerate(mine)},
        "plain": lambda: {name: column_at(r, in_runs(r, grid), quarter) for name in mine},
        "names": lambda: {name: column_at(r, grid[i % 7::7] or grid, r.choice(
            (of_pool([(STRING, text(b"x"))]), pool_leaf(r)))) for i, name in enumerate(names)},
        "none": lambda: r.choice(({}, {mine[0]: []})),
        "thick": lambda: {mine[0]: thick(r, start, end)}}
    chosen = r.sample([kind for kind in made if kind != "thick"], r.choice((1, 2, 3)))
    return {"vehicle_" + kind: made[kind]()
            for kind in chosen + ["thick"] * (r.random() < 0.1)}


def with_parquet(seed, data, request):
    """The same and vehicles for Parquet; those of `every` are still to come."""
    r = random.Random("%d/parquet" % seed)
    if r.random() < 0.5:
        request = dict(request, parameters=None)
    names = request["parameters"] or r.sample(PARQUET_NAMES, len(PARQUET_NAMES))
    more = parquet_vehicles(r, names, request["startDate"], request["endDate"])
    if request["vehicles"] is not None:
        vehicles = list(request["vehicles"])
        for vehicle in more:
            vehicles.insert(r.randrange(len(vehicles) + 1), vehicle)
        request = dict(request, vehicles=vehicles)
    if request.get("header") == "unit":
        request["known"] = dict(request["known"], state=["a", None, None])
    return dict(data, **more), request


def wide(seed, data, request):
    """Of some seeds: a vehicle with many columns of few points."""
    r = random.Random("%d/wide" % seed)
    start, end = request["startDate"], request["endDate"]
    held = request.get("hold", "0s") not in ("0s", "0ms", "0m", "0h")
    if request["parameters"] or r.random() < 0.9 or held:
        return data, request
    times = sorted(r.sample(range(start, end), min(end - start, 40)))
    data = dict(data, vehicle_wide={
        "p%04d" % i: column_at(r, sorted(r.sample(times, r.choice((0, 1, 1, 3)) % len(times))))
        for i in range(r.choice((60, 200, 200, 1100)))})
    if request["vehicles"] is not None:
        request = dict(request, vehicles=request["vehicles"] + ["vehicle_wide"])
    return data, request


def for_parquet(seed, data, request):
    """The request as one for Parquet: without time and csv, in some zone or in none."""
    data, request = wide(seed, data, request)
    r = random.Random("%d/zone" % seed)
    request = {key: value for key, value in request.items() if key not in ("time", "csv")}
    if not request.get("split"):
        request["timeZone"] = r.choice([None, None, None] + ZONES[:3])
    return data, dict(request, format="parquet")


# ---- a fleet ------------------------------------------------------------------------------

USUAL = ["speed", "soc", "current", "odo", "voltage"]
ODD_PARAMETERS = ["=cmd", "+x", "-y", "@z", "a,b", 'q"uote', "ümlaut", "日本", "time", "A", "Z",
                  "a", "temp.cell.1", "x y", "'x", "speed2", "Speed", "10", "\u20ac", "a:b", "a/b",
                  "%41", "a;b", "a;=b", "a;'=b", "\uff1dx", "\U0001f600"]
SOUND_VEHICLES = ["001", "002", "A1", "b-2", "x,y", "ä", "ö", "a:b", "=1", "'q'", "n", "a;b", "+",
                  "%41", "\u20ac", "a_b", "a,b", "x_y"]
SOUND_CLASHES = ["x,y", "x_y", "ä", "ö", "a:b", "a;b", "a_b", "a,b"]
FILE_CLASHES = ["A1", "a1", "b-2", "B-2", "x_y", "X_Y", "x,y", "a b", "A b", "a_b", "n", "N"]
FILE_VEHICLES = SOUND_VEHICLES + ["A b", "a b", "a.b", "B-2", "X_Y", "a$b", "N", 'q"', "\t", "a1"]


def request_of(r, seed):
    """(request without vehicles and parameters, hours that have documents)."""
    era = r.random()
    if era < 0.15:
        start = r.randrange(0, 20 * 24) * HOUR         # early 1970, int32 hours
    elif era < 0.2:
        start = 0
    else:
        start = r.randrange(1420070400000 // HOUR, 1700000000000 // HOUR) * HOUR
    length = r.choice((1, 1, 2, 3, 6)) * HOUR
    if seed % 20 == 0:
        length = 4 * HOUR
    gaps = r.random() < 0.15
    if gaps:
        length = r.randrange(5, 40) * DAY
    hours = [start + i * HOUR for i in range(-3, length // HOUR + 3)]
    if gaps:
        hours = sorted(r.sample(hours, 6))
    else:
        hours = [h for h in hours if r.random() < 0.8]
    cut = r.random()
    end = start + length
    if cut < 0.4:                                      # inside an hour document, to the ms
        start += r.randrange(HOUR)
        end -= r.randrange(HOUR)
        if end <= start:
            end = start + r.choice((1, 2, 1000, HOUR))
    elif cut < 0.5:
        end = start + r.choice((1, 10, 1000))
    return {"startDate": start, "endDate": end,
            "time": r.choice(("ms", "ms", "rfc3339")),
            "csv": r.choice(("rfc4180", "rfc4180", "excel"))}, hours


# Zones with something of their own: halves and quarters of an hour, seconds (Monrovia, to 1972),
# shifts of half an hour, of a day, of a winter time; and the usual ones.
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu",
         "Australia/Lord_Howe", "Pacific/Chatham", "Africa/Monrovia", "Africa/Casablanca",
         "Europe/Dublin", "Pacific/Apia", "America/St_Johns", "Asia/Pyongyang", "Etc/GMT+12",
         "Pacific/Kiritimati", "America/Caracas", "Antarctica/Troll", "Asia/Gaza"]
# When one of them changes; documents lie around it.
SHIFTS = [1540688400000, 1521939600000, 1541311200000, 1522508400000, 1522512000000,
          63593070000, 1325239200000, 1438959600000, 1554044400000, 1462080600000, 1459040400000]


def for_sheets(r, request):
    """The same request, now and then of the forms for spreadsheets. Draws from an r of its own, so
    that a seed's data stay what they were."""
    if r.random() < 0.4:
        request.update(time="local", timeZone=r.choice(ZONES + [None]))
    if r.random() < 0.4:
        request["csv"] = "excel-semicolon"
    return with_known(r, request)


UNIT_TEXTS = ["km/h", "%", "V", "\u00b0C", "m/s\u00b2", "a;=1", "x,=y", "=1", '"', "[m]", "1", " "]
# What exports.parameters may have of a fleet: names that become one with a unit, too.
KNOWN = {"speed": ["km/h", "Speed over ground", 1], "Speed": ["KM/H", None, None],
         "soc": ["%", None, 0], "odo": [None, 'What it "has" run, so far', None],
         "voltage": [None, None, 3], "=cmd": ["=1", "=cmd", 2], "a": [None, "\u00fc", None],
         "A": ["m", None, 20], "\u00fcmlaut": ["\u00b5", "\u65e5\u672c", None],
         "time": ["s", None, None], "nosuch": ["x", "of no vehicle", 4]}


def with_known(r, request):
    """Of half of the seeds: something is known of parameters, and some have units in headers."""
    if r.random() < 0.5:
        return request
    names = USUAL + ODD_PARAMETERS + ["note", "nosuch"]
    known = {name: [r.choice(UNIT_TEXTS + [None] * 4), r.choice(["A label", '=a "b"', None]),
                    r.choice((0, 1, 12, None))]
             for name in r.sample(names, r.choice((1, 5, len(names))))}
    return dict(request, known=KNOWN if r.random() < 0.3 else known,
                header=r.choice(("unit", "unit", "name")))


def usual_fleet(seed):
    """As fleet(): one or two vehicles, up to a few days, slices of one hour and of many."""
    r = random.Random("%d/usual" % seed)
    start = usual_start(seed, r)
    length = r.choice((3, 30, 80)) * HOUR
    per_hour = r.choice((1, 30, 300)) if length > 3 * HOUR else r.choice((30, 3000))
    hours = [start + i * HOUR for i in range(-2, length // HOUR + 2) if r.random() < 0.9]
    data = {}
    for n in range(r.choice((1, 1, 2))):
        data["vehicle_%d" % n] = {parameter: fill_usual(r, hours, start, start + length, per_hour)
                                  for parameter in USUAL[:r.choice((1, 3, 5))]}
    cut = r.random() < 0.5
    return data, {"startDate": start + cut * r.randrange(HOUR),
                  "endDate": start + length - cut * r.randrange(HOUR), "vehicles": None,
                  "parameters": None, "time": r.choice(("ms", "rfc3339")),
                  "csv": r.choice(("rfc4180", "excel"))}


def usual_start(seed, r):
    """The first hour, now and then some hours before a zone's clock changes."""
    start = r.choice((0, r.randrange(1420070400000 // HOUR, 1700000000000 // HOUR))) * HOUR
    own = random.Random("%d/shift" % seed)
    return start if own.random() < 0.5 else own.choice(SHIFTS) // HOUR * HOUR - 2 * HOUR


def fleet(seed, unsound=False, usual=False, steps=False, days=False, parquet=False):
    """({vehicle: {parameter: [(order_ms, raw)]}}, request) of one seed."""
    if parquet:
        unsound, usual, steps, days = (seed % 5 == kind for kind in (1, 2, 3, 4))
    if days:
        data, request, asked = days_fleet(seed)
    else:
        data, request = steps_fleet(seed) if steps else usual_fleet(seed) if usual else \
            any_fleet(seed, unsound)
    request = for_sheets(random.Random("%d/sheets" % seed), request)
    if parquet:
        data, request = with_parquet(seed, data, request)
    data, request = with_steps(seed, data, request, steps)
    request = dict(request, **asked) if days else with_split(seed, request)
    return for_parquet(seed, data, request) if parquet else (data, request)


def any_fleet(seed, unsound):
    """As fleet(), of any documents."""
    r = random.Random("%d/%d" % (seed, unsound))
    request, hours = request_of(r, seed)
    start, end = request["startDate"], request["endDate"]
    large = seed % 20 == 0
    usual = FILE_VEHICLES if unsound else SOUND_VEHICLES
    if r.random() < 0.15:                              # names that become one in the archive
        names = r.sample(FILE_CLASHES if unsound else SOUND_CLASHES, 6)
    else:
        names = r.sample(usual, r.choice((1, 1, 2, 2, 3, 4)))
    data = {}
    for name in names:
        collections = data["vehicle_" + name] = {}
        count = r.choice((1, 2, 3, 5, 7))
        parameters = r.sample(USUAL, min(5, r.randrange(count + 1)))
        parameters += r.sample(ODD_PARAMETERS, count - len(parameters))
        empty = r.random() < 0.08
        for parameter in parameters:
            style = r.choice(("plain", "wild", "wild", "wild", "collide"))
            share = r.choice((0.1, 0.5, 1, 1))         # sparse columns
            mine = [h for h in hours if r.random() < share]
            per_hour = 2000 if large and style == "plain" else r.choice((3, 15, 40))
            if empty or r.random() < 0.07:
                collections[parameter] = []
            else:
                collections[parameter] = fill(r, mine, start, end, style, unsound, per_hour)
    if large and hours:
        data["vehicle_" + names[0]]["speed"] = fill(r, hours, start, end, "plain", unsound, 3000)
    if seed % 50 == 7:
        data["vehicle_" + names[0]]["crowd"] = crowd(r, start, end)

    request["vehicles"] = None
    if r.random() < 0.5:
        request["vehicles"] = r.sample(list(data), r.randrange(1, len(data) + 1))
    request["parameters"] = None
    if r.random() < 0.4:
        there = sorted({p for collections in data.values() for p in collections} | {"lacking"})
        request["parameters"] = r.sample(there, r.randrange(1, len(there) + 1))
    return data, with_unknown(seed, request)


def with_unknown(seed, request):
    """Of some seeds: vehicles that do not exist in between, to be skipped. Drawn apart, so that
    all else of a seed stays as it is."""
    r = random.Random("%d/unknown" % seed)
    if request["vehicles"] is None or r.random() < 0.6:
        return request
    vehicles = list(request["vehicles"])
    for i in range(r.choice((1, 1, 3))):
        vehicles.insert(r.randrange(len(vehicles) + 1), "vehicle_none%d" % i)
    return dict(request, vehicles=vehicles, unknownVehicles="skip")


def busy(seed, days):
    """As fleet(): one vehicle of scripts/dev/generate that drives in every hour."""
    import importlib.machinery
    import importlib.util
    path = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "scripts",
                        "dev", "generate")
    loader = importlib.machinery.SourceFileLoader("generate", path)
    generate = importlib.util.module_from_spec(importlib.util.spec_from_loader("generate", loader))
    loader.exec_module(generate)
    start, collections = 1543536000000, {}
    for parameter, raw in generate.hours_of(seed, 1, start, days, True,
                                            generate.all_templates(seed)):
        at = raw.index(b"_id\0")
        t = struct.unpack("<d" if raw[at - 1] == DOUBLE else "<q", raw[at + 4:at + 12])[0]
        collections.setdefault(parameter, []).append((int(t), raw))
    return {"vehicle_001": collections}, {"startDate": start, "endDate": start + days * DAY}


def blocks(ranges, size):
    """Lists of at most size seeds, of ranges such as "1-160,401-520"."""
    for part in ranges.split(","):
        first, last = (int(n) for n in part.split("-"))
        for a in range(first, last + 1, size):
            yield list(range(a, min(a + size, last + 1)))


def write(folder, data, request):
    """Write the framed files; folder is made where it is missing."""
    os.makedirs(os.path.join(folder, "data"), exist_ok=True)
    with open(os.path.join(folder, "request.json"), "w", encoding="utf-8") as f:
        json.dump(request, f, ensure_ascii=False, indent=1)
        f.write("\n")
    for vehicle, collections in data.items():
        place = os.path.join(folder, "data", urllib.parse.quote(vehicle, safe=""))
        os.makedirs(place, exist_ok=True)
        for parameter, documents in collections.items():
            name = urllib.parse.quote(parameter, safe="") + ".docs"
            with open(os.path.join(place, name), "wb") as f:
                for order_ms, raw in documents:
                    f.write(struct.pack("<qI", order_ms, len(raw)) + raw)


def main():
    p = argparse.ArgumentParser(description="write a random fleet as framed files")
    p.add_argument("--write", metavar="DIR", required=True)
    p.add_argument("--seed", type=int, required=True)
    p.add_argument("--unsound", action="store_true")
    p.add_argument("--usual", action="store_true")
    p.add_argument("--steps", action="store_true")
    p.add_argument("--days", action="store_true")
    p.add_argument("--parquet", action="store_true")
    p.add_argument("--busy", type=int, default=0, metavar="DAYS")
    a = p.parse_args()
    write(a.write, *(busy(a.seed, a.busy) if a.busy else
                     fleet(a.seed, a.unsound, a.usual, a.steps, a.days, a.parquet)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
