#!/usr/bin/python3
"""The pool of handlers is restarted again and again under load: no request fails, and each 202 is a
stored job.

Prints TAP. POSTS=n requests (6000; LONG=1: 20000), from several addresses of the loopback network,
since one client is held to a rate. The stack runs without workers.
"""
import base64
import http.client
import json
import os
import signal
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from service import ROOT, base, done, handlers, mongo, note, ok      # noqa: E402

POSTS = int(os.environ.get("POSTS") or (20000 if os.environ.get("LONG") == "1" else 6000))
CLIENTS = 8

answers = []            # (status, id or text)
numbers = iter(range(POSTS))
lock = threading.Lock()


def client(n):
    parts = urllib.parse.urlsplit(base())
    while True:
        with lock:
            i = next(numbers, None)
        if i is None:
            return
        text = json.dumps({"startDate": "2018-11-30",
                           "endDate": "2018-12-01T%02d:%02d:%02d.%03dZ" % (
            i // 3600000 % 24, i // 60000 % 60, i // 1000 % 60, i % 1000)})
        try:
            c = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30,
                                           source_address=("127.0.0.%d" % (2 + n), 0))
            # The unfinished jobs of an owner are limited (owner_jobs_max).
            owner = base64.b64encode(b"owner %d:x" % (i // 500)).decode()
            c.request("POST", "/export", text,
                      {"Content-Type": "application/json", "Authorization": "Basic " + owner})
            got = c.getresponse()
            said = got.read()
            answers.append((got.status, json.loads(said).get("_id") or said))
            c.close()
        except (OSError, http.client.HTTPException, ValueError) as e:
            answers.append((0, repr(e)))


def main():
    threads = [threading.Thread(target=client, args=(n,)) for n in range(CLIENTS)]
    began = time.monotonic()
    for t in threads:
        t.start()
    ended = 0
    while any(t.is_alive() for t in threads):
        for pid in sorted(handlers()):
            try:
                os.kill(pid, signal.SIGTERM)
                ended += 1
            except ProcessLookupError:
                pass
            # The next one when this one is gone, or takes its time to go: rolling, not all at once.
            patience = time.monotonic() + 3
            while any(t.is_alive() for t
                      in threads) and pid in handlers() and time.monotonic() < patience:
                time.sleep(0.02)
    took = time.monotonic() - began
    failed = [a for a in answers if a[0] != 202]
    note("%d POSTs in %.1f s, %d handlers ended" % (len(answers), took, ended))
    ok(ended >= 8, "at least two restarts of the pool", ended)
    ok(not failed, "no request failed", "%d failed: %s" % (len(failed), failed[:5]))
    ids = {a[1] for a in answers if a[0] == 202}
    ok(len(ids) == POSTS, "each has a job of its own", len(ids))
    stored = {str(d["_id"]) for d in mongo().exports.jobs.find({}, {"_id": 1})}
    ok(ids <= stored, "each 202 is a stored job", len(ids - stored))
    return done()


if os.environ.get("WITH_STACK") != os.path.abspath(__file__):
    os.environ["WITH_STACK"] = os.path.abspath(__file__)
    wrapper = os.path.join(ROOT, "t", "with-stack")
    os.execv(wrapper, [wrapper, "--conf", os.path.splitext(os.path.abspath(__file__))[0] + ".conf",
                       "--only", "mongo rabbit s3 provision api nginx", sys.executable,
                       os.path.abspath(__file__)])
sys.exit(main())
