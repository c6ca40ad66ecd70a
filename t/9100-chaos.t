#!/usr/bin/python3
"""t/chaos/chaos in short: a cluster of each server under load and faults, and nothing lost or wrong
in the end.

Prints TAP, one test a seed. Environment: CHAOS_SEED "1,2" (1), CHAOS_MINUTES of faults (1.5).
Twenty minutes and more are for t/chaos/chaos itself.
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SEEDS = [int(s) for s in os.environ.get("CHAOS_SEED", "1").split(",")]
MINUTES = os.environ.get("CHAOS_MINUTES", "1.5")


def lacking():
    """What is not there to run it with, or None."""
    try:
        import boto3            # noqa: F401
        import pika             # noqa: F401
        import pymongo          # noqa: F401
    except ImportError as e:
        return "%s; run scripts/deps" % e
    servers = os.environ.get("SERVERS", ROOT + "/build/servers/bin")
    programs = os.environ.get("BIN", os.path.join(ROOT, os.environ.get("B", "build")))
    for path, how in ((servers + "/mongod", "scripts/deps"), (servers + "/weed", "scripts/deps"),
                      ("/usr/lib/rabbitmq/bin/rabbitmq-server", "scripts/deps"),
                      (programs + "/export-api", "make"),
                      (programs + "/export-worker", "make")):
        if not os.access(path, os.X_OK):
            return "%s; run %s" % (path, how)
    os.environ["BIN"] = programs
    return None


def main():
    lack = lacking()
    if lack and os.environ.get("EXPORT_TEST_ALL") == "1":
        print("not ok 1 - lacking: %s\n1..1" % lack)
        return 1
    if lack:
        print("1..0 # SKIP lacking: %s" % lack)
        return 0
    print("1..%d" % len(SEEDS), flush=True)
    good = True
    for n, seed in enumerate(SEEDS, 1):
        # RUN, PORTS and sizes of a stack around this test are not this one's.
        env = {k: v for k,
               v in os.environ.items() if k not in ("RUN", "PORTS", "HANDLERS", "CONF_EXTRA")}
        run = subprocess.Popen([ROOT + "/t/chaos/chaos", "--seed", str(seed), "--minutes", MINUTES],
                               env=env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        last = ""
        for line in run.stdout:
            print("# " + line.rstrip(), flush=True)
            last = re.sub(r"^\s*[\d.]+ ", "",
                          line.rstrip()) if "lost" in line and "seed" in line else last
        good = run.wait() == 0 and good
        print("%sok %d - %s" % ("" if run.returncode == 0 else "not ", n,
                                last or "seed %d: exit %d" % (seed, run.returncode)), flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
