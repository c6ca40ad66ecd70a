#!/usr/bin/python3
"""Archives open in common programs: unzip, 7-Zip, bsdtar from a file and from a pipe, Python,
Java. One is a real export's, the others are made by build/t/engine from t/fleet.py's framed files,
one of them with CSVs that were cut.

Prints TAP. Environment: B (build), where the engine is.
"""
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import fleet                            # noqa: E402
import oracle                           # noqa: E402
from service import (                   # noqa: E402
    ROOT, as_oracle, create, done, fetch, finish, is_, load, mongo, ok, request, section, skip,
    small_fleet, under_stack)

ENGINE = os.path.join(ROOT, os.environ.get("B", "build"), "t", "engine")
# of t/fleet.py: seed, unsound
SEEDS = ((1, False), (2, False), (7, True), (20, False))
SPLIT_SEED, SPLIT_BYTES = 40, 70000                                    # a larger fleet
DAYS = 1000                                 # each with a file, of ten vehicles
TIMEOUT_S = 120
JAVA = """
import java.io.*;
import java.security.*;
import java.util.*;
import java.util.zip.*;

public class Entries {
    /* Prints the name and SHA-256 of each entry as a stream gives them, without the central
       directory. */
    public static void main(String[] args) throws Exception {
        try (InputStream file = new BufferedInputStream(new FileInputStream(args[0]));
                ZipInputStream zip = new ZipInputStream(file)) {
            byte[] buffer = new byte[65536];
            for (ZipEntry e; (e = zip.getNextEntry()) != null; ) {
                MessageDigest sha = MessageDigest.getInstance("SHA-256");
                for (int n; (n = zip.read(buffer)) > 0; )
                    sha.update(buffer, 0, n);
                System.out.println(e.getName() + " " + HexFormat.of().formatHex(sha.digest()));
            }
        }
    }
}
"""


def run(*command, **more):
    """(exit status, stdout, stderr) as bytes."""
    done_ = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           timeout=TIMEOUT_S, check=False,
                           **dict({"stdin": subprocess.DEVNULL}, **more))
    return done_.returncode, done_.stdout, done_.stderr


def tool(name, reader, programs, check):
    """check(program) gives None or what is wrong; the first program that is installed is used."""
    program = next(filter(None, map(shutil.which, programs)), None)
    if program is None:
        return skip("%s: %s" % (name, reader), "no " + " or ".join(programs))
    wrong = check(program)
    return ok(not wrong, "%s: %s" % (name, reader), wrong)


def wrong_of(result, output):
    """None where a reader ended with 0, printed nothing on stderr and wrote this."""
    if result[0] != 0 or result[2] or result[1] != output:
        return "exit %d, %s\n%d bytes for %d: %.300r" % (result[0],
                                                         result[2].decode("utf-8", "replace")[:500],
                                                         len(result[1]),
                                                       len(output), result[1])
    return None


def open_in_all(name, path, wrong):
    """path is the archive; wrong is what the oracle says of what Python's zipfile reads in it."""
    ok(not wrong, "%s: Python, compared with the oracle" % name, wrong)
    with zipfile.ZipFile(path) as z:
        is_(z.testzip(), None, "%s: Python, testzip" % name)
        names = z.namelist()
        bodies = [z.read(n) for n in names]
    listed = "".join(n + "\n" for n in names).encode()
    whole = b"".join(bodies)
    with open(path, "rb") as f:
        raw = f.read()

    def unzip_test(program):
        result = run(program, "-t", path)
        fine = result[0] == 0 and b"No errors detected" in result[1] and not result[2]
        return None if fine else "%r" % (result,)

    def seven(program):
        result = run(program, "t", path)
        fine = (result[0] == 0 and b"Everything is Ok" in result[1]
                and b"arning" not in result[1])
        return None if fine else "%r" % (result,)

    def java(program):
        with tempfile.TemporaryDirectory() as folder:
            source = os.path.join(folder, "Entries.java")
            with open(source, "w", encoding="ascii") as f:
                f.write(JAVA)
            result = run(program, "-Xshare:auto", source, path)
        return wrong_of((result[0], result[1], b"" if result[0] == 0 else result[2]), "".join(
            "%s %s\n" % (n, hashlib.sha256(b).hexdigest()) for n, b in zip(names, bodies)).encode())

    tool(name, "unzip -t", ["unzip"], unzip_test)
    tool(name, "unzip -p, the content", ["unzip"], lambda p: wrong_of(run(p, "-p", path), whole))
    tool(name, "7z t", ["7z", "7zz", "7za"], seven)
    tool(name, "bsdtar -t of a file", ["bsdtar"], lambda p: wrong_of(run(p, "-tf", path), listed))
    tool(name, "bsdtar -x of a file, the content", ["bsdtar"],
         lambda p: wrong_of(run(p, "-xOf", path), whole))
    tool(name, "bsdtar -t of a pipe", ["bsdtar"],
         lambda p: wrong_of(run(p, "-tf", "-", stdin=None, input=raw), listed))
    tool(name, "bsdtar -x of a pipe, the content", ["bsdtar"],
         lambda p: wrong_of(run(p, "-xOf", "-", stdin=None, input=raw), whole))
    tool(name, "Java's ZipInputStream, the content", ["java"], java)


def of_an_export(folder, client):
    data = small_fleet("vehicle_archive")
    load(client, data)
    for name, more in (("an export", {}),
                       ("an export with zlib",
                        {"compression": "small", "csv": "excel", "time": "rfc3339"})):
        body = request(vehicles=sorted(data), **more)
        _, archive = fetch(finish(create(body))["_id"])
        path = os.path.join(folder, "export.zip")
        with open(path, "wb") as f:
            f.write(archive)
        open_in_all(name, path, oracle.compare(path, oracle.expect(data, as_oracle(body))))
    for vehicle in data:
        client.drop_database(vehicle)


def made(folder, name, data, wanted, **env):
    """The archive that the engine makes of this, or None."""
    place, path = (os.path.join(folder, name + end) for end in ("", ".zip"))
    fleet.write(place, data, wanted)
    status, out, err = run(ENGINE, place, path, env=dict(os.environ, **env))
    good = ok(status == 0, name + ": made by the engine",
              "exit %d: %s" % (status, (out + err).decode("utf-8", "replace")))
    return path if good else None


def of_days(folder):
    """A file for each day of some vehicles: 10,000 of them."""
    days = range(oracle.T, oracle.T + DAYS * oracle.DAY_MS, oracle.DAY_MS)
    data = {"v%d" % v: {"speed": [(ms, oracle.hour(ms, oracle.e(
        oracle.INT32, str(v), oracle.i32(n)))) for n, ms in enumerate(days)]} for v in range(10)}
    wanted = {"startDate": days[0], "endDate": days[-1] + oracle.DAY_MS, "vehicles": None,
              "parameters": None, "time": "ms", "csv": "rfc4180", "split": "day"}
    path = made(folder, "days", data, wanted)
    if path is not None:
        with zipfile.ZipFile(path) as z:
            is_(len(z.namelist()), 10 * DAYS + 1, "days: that many files")
        open_in_all("days", path, oracle.compare(path, oracle.expect(data, wanted)))


def of_the_engine(folder, seed, unsound, split_bytes=None):
    name = "fleet %d%s" % (seed, ", split" if split_bytes else "")
    data, wanted = fleet.fleet(seed, unsound)
    path = made(folder, name, data, wanted,
                **({"CSV_SPLIT_BYTES": str(split_bytes)} if split_bytes else {}))
    if path is None:
        return
    open_in_all(name, path,
                oracle.compare(path, oracle.expect(data, wanted), split=bool(split_bytes)))
    if split_bytes:
        with zipfile.ZipFile(path) as z:
            sizes = {i.filename: i.file_size for i in z.infolist() if i.filename.endswith(".csv")}
        ok(any(n.endswith("-part3.csv") for n in sizes),
           name + ": some CSV has three parts or more", sizes)
        # A CSV is written in pieces of 256 KiB, and cut between two of them.
        ok(max(sizes.values()) <= split_bytes + 300000, name + ": each part ends with the piece "
           "that passes the limit", sizes)


def main():
    under_stack(__file__)
    with tempfile.TemporaryDirectory() as folder:
        section("an export", of_an_export, folder, mongo())
        if not os.access(ENGINE, os.X_OK):
            skip("archives of the engine", "%s; run make" % os.path.relpath(ENGINE, ROOT))
        else:
            for seed, unsound in SEEDS:
                section("fleet %d" % seed, of_the_engine, folder, seed, unsound)
            section("days", of_days, folder)
            section("split", of_the_engine, folder, SPLIT_SEED, False, SPLIT_BYTES)
    return done()


if __name__ == "__main__":
    sys.exit(main())
