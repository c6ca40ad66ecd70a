#!/usr/bin/python3
"""What is known of parameters: scripts/parameters keeps exports.parameters; GET /vehicles/:v, the
manifest and headers with units show it, as it is when a job begins; what is wrong in it makes
nothing fail.

Prints TAP. Always on its own stack, with t/3018-parameters.conf; the last checks are t/api.py's.
"""
import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from api import (                       # noqa: E402
    SMALL, SOON_S, begin, finish, good, request, run, stopped)
from service import (                   # noqa: E402
    ROOT, create, fetch, is_, logged, ok, wait_for)


def parameters(*args, want=0):
    """What scripts/parameters prints; raises for another exit status than this."""
    run_ = subprocess.run([os.path.join(ROOT, "scripts", "parameters"), *args], text=True,
                          timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    if run_.returncode != want:
        raise RuntimeError("parameters %s: exit %d: %s" % (args, run_.returncode, run_.stdout))
    return run_.stdout


def entries(client):
    from pymongo.errors import WriteError
    is_(parameters("list"), "", "list: none yet")
    is_(parameters("set", "speed", "--unit", "km/h", "--label", "Speed over ground", "--decimals",
                   "1"), "speed\tkm/h\tSpeed over ground\t1\n", "set: all of an entry")
    is_(parameters("set", "\u00e4", "--unit", "\u00b0C"), "\u00e4\t\u00b0C\t-\t-\n",
        "set: a unit only")
    is_(parameters("set", "Speed", "--decimals", "0"), "Speed\t-\t-\t0\n", "set: decimals only")
    is_(parameters("list"), "Speed\t-\t-\t0\nspeed\tkm/h\tSpeed over ground\t1\n"
        "\u00e4\t\u00b0C\t-\t-\n", "list: by name")
    is_(parameters("set", "speed", "--unit", "m/s"), "speed\tm/s\t-\t-\n",
        "set replaces the whole entry")
    is_(client.exports.parameters.find_one({"_id": "speed"}), {"_id": "speed", "unit": "m/s"},
        "as it is stored")
    is_(parameters("show", "speed"), "speed\tm/s\t-\t-\n", "show")
    parameters("remove", "Speed")
    for command in (("show", "Speed"), ("remove", "Speed")):
        parameters(*command, want=3)
        ok(True, "%s: exit 3, there is none" % command[0])
    for args in (("set", "a"), ("set", "", "--unit", "m"), ("set", "a", "--unit", ""),
                 ("set", "a", "--unit", "m\n"), ("set", "a", "--unit", "\u00e4" * 101),
                 ("set", "x" * 256, "--unit", "m"), ("set", "a", "--decimals", "21"),
                 ("set", "a", "--decimals", "-1"), ("set", "a", "--decimals", "1.5"), ("show",),
                 ("add", "a"), ("list", "a")):
        parameters(*args, want=2)
        ok(True, "%s: exit 2" % ascii(" ".join(args))[:40])
    parameters("set", "a" * 255, "--unit", "\u00e4" * 100)
    parameters("remove", "a" * 255)
    for entry in ({"_id": 1}, {"_id": "a", "unit": 1}, {"_id": "a", "color": "red"},
                  {"_id": "a", "decimals": 1.5}, {"_id": "a", "decimals": 21}):
        try:
            client.exports.parameters.insert_one(entry)
            ok(False, "stored: %s" % entry)
        except WriteError as e:
            is_(e.code, 121, "the validator refuses %s" % entry)


def imports(client):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "p.csv")

        def of(text, want=0):
            with open(path, "wb") as f:
                f.write(text if isinstance(text, bytes) else text.encode())
            return parameters("import", path, want=want)
        before = parameters("list")
        for name, text, what in (
                ("no header", "speed,km/h\n", "first line"), ("nothing", "", "first line"),
                ("another column", "name,unit,color\n", "first line"),
                ("a column twice", "name,unit,unit\n", "first line"),
                ("only names", "name\nspeed\n", "first line"),
                ("a cell too few", "name,unit\nsoc,%\nodo\n", "line 3"),
                ("nothing known", "name,unit\nsoc,\n", "line 2"),
                ("a long unit", "name,unit\nsoc,%%\nodo,%s\n" % ("m" * 201), "line 3"),
                ("decimals", "name,decimals\nsoc,many\n", "line 2"),
                ("a name twice", "name,unit\nsoc,%\nsoc,V\n", "line 3"),
                ("no name", "unit,name\n%,\n", "line 2"),
                ("no UTF-8", b"name,unit\nsoc,\xb0C\n", "")):
            ok(what in of(text, 1), "import, %s: refused, with where" % name)
        parameters("import", path + "-none", want=1)
        is_(parameters("list"), before, "nothing of them was taken")
        is_(of('\ufeffunit,name,decimals,label\r\n%,soc,,"Charge, of the battery"\r\n,odo,0,\r\n'),
            "2 set\n", "import: with a BOM, other columns' order, quotes, CRLF")
        is_(parameters("show", "soc"), "soc\t%\tCharge, of the battery\t-\n", "import: an entry")
        is_(parameters("show", "odo"), "odo\t-\t-\t0\n", "import: another")
        is_(parameters("show", "speed"), "speed\tm/s\t-\t-\n", "import: others stay")
    parameters("set", "speed", "--unit", "km/h", "--label", "Speed over ground", "--decimals", "1")
    is_(client.exports.parameters.count_documents({}), 4, "four in all")


def of_the_vehicle():
    return {p["name"]: {k: p[k] for k in ("unit", "label", "decimals") if k in p}
            for p in good("/vehicles/" + SMALL)["parameters"]}


SPEED = {"unit": "km/h", "label": "Speed over ground", "decimals": 1}


def shown():
    wait_for("the catalogue", lambda: set(of_the_vehicle()) == {"speed", "soc"}, SOON_S)
    is_(of_the_vehicle(), {"speed": SPEED, "soc": {"unit": "%", "label": "Charge, of the battery"}},
        "GET of a vehicle: what is known of its parameters")
    parameters("remove", "soc")
    is_(of_the_vehicle(), {"speed": SPEED, "soc": {}}, "removed: at once not known")


def archived(ident):
    """(manifest, first line of the first CSV)."""
    with zipfile.ZipFile(io.BytesIO(fetch(ident)[1])) as z:
        manifest = json.loads(z.read("manifest.json"))
        return manifest, z.read(manifest["files"][0]["name"]).decode().partition("\n")[0]


def exports(client):
    nulls = {"unit": None, "label": None, "decimals": None}
    ident = create(request(header="unit"))
    finish(ident)
    manifest, line = archived(ident)
    is_(line, "time,speed [km/h],soc", "a header with units")
    is_(manifest["parameters"], [
        dict(nulls, name="odo", decimals=0), dict(SPEED, name="speed"),
        dict(nulls, name="\u00e4", unit="\u00b0C")], "its manifest: all that is known")
    is_([manifest["files"][0][k] for k in ("columns", "parameters")],
        [["speed [km/h]", "soc"], ["speed", "soc"]], "columns and parameters")
    ident = create(request(1, parameters=["soc", "speed", "odo"]))
    finish(ident)
    manifest, line = archived(ident)
    is_(line, "time,soc,speed,odo", "names only, as by default")
    is_([p["name"] for p in manifest["parameters"]], ["odo", "speed"],
        "what is known of the parameters that were asked for")
    with stopped(client):
        ident = create(request(2, header="unit"))
        parameters("set", "speed", "--unit", "m/s")
    finish(ident)
    is_(archived(ident)[1], "time,speed [m/s],soc", "as it is when the job begins")


def wrong_ones(client):
    """Written past the validator: as if they were not there."""
    c = client.exports.parameters
    client.exports.command("collMod", "parameters", validationLevel="off")
    c.replace_one({"_id": "speed"}, {"_id": "speed", "unit": "k\nm", "label": 7, "decimals": 2.0})
    c.insert_many([{"_id": 7, "unit": "m"}, {"_id": "soc", "unit": "x" * 201, "more": 1}])
    is_(of_the_vehicle(), {"speed": {"decimals": 2}, "soc": {}}, "GET of a vehicle: what is right")
    ident = create(request(3, header="unit"))
    is_(finish(ident)["state"], "FINISHED", "an export does not fail")
    is_(archived(ident)[1], "time,speed,soc", "without those units")
    wait_for("a line of the log", lambda: "op=parameters" in logged("export-worker"), SOON_S)
    ok(True, "the worker's log says it")
    c.drop()
    is_(of_the_vehicle(), {"speed": {}, "soc": {}}, "without the collection nothing is known")
    ident = create(request(4, header="unit"))
    is_(finish(ident)["state"], "FINISHED", "nor is it needed for an export")


def main():
    client = begin(__file__)
    return run({"POST /export": (202,), "GET /vehicles/:v": (200,)},
               ("entries", entries, client), ("import", imports, client), ("shown", shown),
               ("exports", exports, client), ("wrong ones", wrong_ones, client))


if __name__ == "__main__":
    sys.exit(main())
