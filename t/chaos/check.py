"""What must hold after a chaos run: the journal of what clients were sent, against exports.jobs, S3
and the queues."""
import collections
import hashlib
import os
import re
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True

import confirmed                # noqa: E402
import journal as journals      # noqa: E402
import oracle                   # noqa: E402
from faults import LAGS         # noqa: E402

ANSWERS = {"post": {0, 202, 502, 503, 504}, "get": {0, 200, 502, 503, 504},
           "delete": {0, 202, 204, 502, 503, 504},
           # downloads are S3's own answers, which may be dying
           "download": {0, 200, 500, 502, 503}}


class Verdict:
    """lost and wrong: texts, one a finding; short: how many of the wrong are archives without what
    a majority had before their job was created. facts: lines to print."""

    def __init__(self):
        self.lost, self.wrong, self.short, self.facts = [], [], 0, []
        self.states = collections.Counter()


def s3_client(env):
    return boto3.client("s3", endpoint_url=env["S3_ENDPOINT"], region_name="us-east-1",
                        aws_access_key_id=env["S3_ADMIN_KEY"],
                        aws_secret_access_key=env["S3_ADMIN_SECRET"],
                        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 5}))


def check_journal(entries, v):
    """{id: the spec} of all that was answered 202."""
    told = {}
    for e in entries:
        op, status = e["op"], e.get("status")
        if op == "harness":
            v.wrong.append("the load client failed: %s" % e["why"])
        if op not in ANSWERS:
            continue
        if status not in ANSWERS[op]:
            v.wrong.append("%s %s answered %s at %.2f: %s" % (op, e.get("id", ""), status, e["t"],
                    (e.get("why") or "").strip()))
        if "bad" in e:
            v.wrong.append("%s %s: %s" % (op, e.get("id"), e["bad"]))
        if op == "post" and status == 202:
            # The same unfinished request of the same owner is joined; anything else is another job.
            if told.setdefault(e["id"], (e["spec"], e["owner"])) != (e["spec"], e["owner"]):
                v.wrong.append("%s was given out twice, for different requests" % e["id"])
    for ident, before, after, at, sent in journals.backwards(entries):
        v.wrong.append("%s went back from %s (reported at %.2f) to %s (requested at %.2f)"
                       % (ident, before, at, after, sent))
    answers = collections.Counter("%s %s" % (e["op"], e["status"] or "none") for e in entries
                                  if e["op"] in ANSWERS)
    v.facts.append("answers: " + ", ".join("%s: %d" % x for x in sorted(answers.items())))
    return {ident: spec for ident, (spec, _) in told.items()}


def check_cancels(entries, v):
    """How long a cancel of a running job took, for the record: while a database or a worker is away
    the promised 15 s do not hold."""
    asked, took = {}, []
    for e in entries:
        if e["op"] == "delete" and e["status"] == 202 and e.get("state") == "STARTED":
            asked.setdefault(e["id"], e["t"])
        elif e["op"] == "get" and e.get("state") in journals.FINAL and e["id"] in asked:
            took.append((round(e["t"] - asked.pop(e["id"]), 1), e["id"]))
    if took:
        v.facts.append("cancels of running jobs: %d, worst %.1f s (%s)" % (len(took), *max(took)))


def check_shared_memory(killed, v):
    """Removes what killed processes left behind in /dev/shm, and counts it."""
    left = [p for p in killed if os.path.exists("/dev/shm/mongoc-%d" % p)
            and not os.path.exists("/proc/%d" % p)]
    for pid in left:
        os.unlink("/dev/shm/mongoc-%d" % pid)
    v.facts.append("files in /dev/shm that killed processes left: %d" % len(left))


def check_ends(entries, told, docs, max_attempts, v):
    """Every 202 has a document in an end state that what was done to it explains."""
    deleted = {}
    for e in entries:
        if e["op"] == "delete":
            deleted.setdefault(e["id"], []).append(e)
    for ident in told:
        d = docs.get(ident)
        if d is None:
            v.lost.append("%s: no such document" % ident)
            continue
        v.states[d["state"]] += 1
        if d["state"] not in journals.FINAL:
            v.lost.append("%s: still %s, attempts %s, %s" % (ident, d["state"], d["attempts"],
                    d.get("error")))
        if d["state"] in ("CANCELLED", "EXPIRED") and ident not in deleted:
            v.wrong.append("%s: %s, and nobody asked for that" % (ident, d["state"]))
        if d["state"] == "FAILED":
            v.states["FAILED " + str((d.get("error") or {}).get("code"))] += 1
            if (d.get("error") or {}).get("code") != "attempts_exhausted":
                v.wrong.append("%s (%s): FAILED: %s" % (ident, told[ident], d.get("error")))
        if not 0 <= d["attempts"] <= max_attempts:
            v.wrong.append("%s: %d attempts" % (ident, d["attempts"]))
        if d["fence"] < d["attempts"]:
            v.wrong.append("%s: fence %d, attempts %d" % (ident, d["fence"], d["attempts"]))
        if d["state"] in journals.FINAL and d.get("worker"):
            v.wrong.append("%s: ended, and held by %s" % (ident, d["worker"]))
        for e in deleted.get(ident, ()):
            if e["status"] == 204 and d["state"] == "FINISHED":
                v.wrong.append("%s: DELETE answered 204 and it is FINISHED" % ident)
    untold = set(docs) - set(told)
    for ident in untold:
        if docs[ident]["state"] not in journals.FINAL:
            v.lost.append("%s: still %s (its POST had no answer)" % (ident, docs[ident]["state"]))
    v.facts.append("jobs whose POST had no answer, ended all the same: %d" % len(untold))
    beaten = sum(1 for i, es in deleted.items() if i in docs and docs[i]["state"] == "FINISHED"
                 and any(e["status"] == 202 for e in es))
    v.facts.append("cancels that a finish beat: %d" % beaten)
    v.facts.append("attempts: " + ", ".join("%d: %d jobs" % x for x in sorted(collections.Counter(
        d["attempts"] for d in docs.values()).items())))


class Archives:
    """What the archives must hold: of data that stood before the run exactly what the oracle says;
    of vehicles that went on sending at least what a majority had before the job was created, and of
    what came later only whole documents."""

    def __init__(self, expected, requests, entries, docs):
        self.expected, self.requests = expected, requests
        self.confirmed = confirmed.Confirmed(entries)
        self.created = journals.created(entries, docs)
        self.held = journals.intervals(entries, LAGS)
        self.fixed = self.living = self.lagging = 0

    def judge(self, ident, spec, path, v):
        """None, or what is wrong."""
        if spec not in self.requests:
            answer, end_ms = self.expected[spec]
            self.fixed += 1
            return oracle.compare(path, answer) or oracle.form(path, end_ms)
        request, created = self.requests[spec], self.created[ident]
        self.living += 1
        self.lagging += any(a <= created <= b for a, b in self.held)
        wrong, versions, columns = confirmed.unsound(path, request)
        if wrong:
            return wrong
        short = self.confirmed.lacking(created, request, versions, columns)
        v.short += short is not None
        return short or self.confirmed.invented(versions)

    def facts(self):
        yield "objects compared with the oracle, to the byte: %d" % (self.fixed + self.living)
        yield ("  %d of vehicles that went on sending (%d writes), %d of them asked for while a "
               "secondary lagged" % (self.living, len(self.confirmed.writes), self.lagging))


def check_objects(env, told, docs, archives, entries, folder, v):
    """Each named object is what the job and the oracle say."""
    s3, bucket = s3_client(env), env["S3_BUCKET"]
    said = {}
    for e in entries:
        if e.get("sha256"):
            said.setdefault(e["id"], set()).add((e["size"], e["sha256"]))
    for ident, spec in told.items():
        d = docs.get(ident)
        if d is None or d["state"] not in ("FINISHED", "EXPIRED"):
            continue
        o = d.get("object")
        if o is None:
            v.lost.append("%s: %s without an object" % (ident, d["state"]))
            continue
        if o["key"] != "exports/%s/%d/export-%s.zip" % (ident, d["fence"], ident):
            v.wrong.append("%s: fence %d, key %s" % (ident, d["fence"], o["key"]))
        try:
            body = s3.get_object(Bucket=bucket, Key=o["key"])["Body"].read()
        except (ClientError, BotoCoreError) as e:
            v.lost.append("%s: its object: %s" % (ident, e))
            continue
        true = (len(body), hashlib.sha256(body).hexdigest())
        for size, sha256 in {(o["size"], o["sha256"])} | said.get(ident, set()):
            if (size, sha256) != true:
                v.wrong.append("%s: size and SHA-256 were reported as %s %s, and are %s %s"
                               % (ident, size, sha256, *true))
        path = os.path.join(folder, "checked.zip")
        with open(path, "wb") as f:
            f.write(body)
        wrong = archives.judge(ident, spec, path, v)
        if wrong:
            v.wrong.append("%s (%s): %s" % (ident, spec, wrong[:500]))
            os.rename(path, os.path.join(folder, "wrong-%s.zip" % ident))
    v.facts += archives.facts()


def check_leftovers(env, docs, v):
    s3, bucket = s3_client(env), env["S3_BUCKET"]
    named = {d["object"]["key"] for d in docs.values() if d.get("object")}
    keys = set()
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="exports/"):
        keys |= {x["Key"] for x in page.get("Contents", [])}
    v.facts.append("objects that no job names, left to the lifecycle rule: %d" % len(keys - named))
    open_keys = [u["Key"] for u in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])]
    for key in sorted(set(open_keys) & named):
        v.facts.append("an upload is open to a key that a job names: %s" % key)
    v.facts.append("open multipart uploads, left to the lifecycle rule: %d" % len(open_keys))
    for key in set(open_keys) | (keys - named):
        if key.split("/")[1] not in docs:
            v.wrong.append("no job has the key %s" % key)


def check_queues(site, v, seconds=60):
    """Both queues end empty, nothing unacknowledged."""
    end = time.monotonic() + seconds
    while True:
        out = site.ctl(site.nodes()[0], "list_queues", "-p", "exports", "name", "messages",
                       "--no-table-headers")
        if sorted(out.split("\n")) == ["", "exports.jobs\t0", "exports.retry\t0"]:
            v.facts.append("both queues are empty")
            return
        if time.monotonic() > end:
            v.wrong.append("the queues are not empty after %d s: %s"
                           % (seconds, out.strip().replace("\n", ", ")))
            return
        time.sleep(2)


def logs_of(run, pattern):
    """The logs of this name, of each host."""
    return sorted(os.path.join(folder, n) for folder, _,
                  names in os.walk(run + "/log") for n in names if re.match(pattern, n))


def check_exits(run, killed, alive, v):
    """No process of ours ended except by our signals, or by those of its supervisor."""
    starts, stops, ends, units = (collections.Counter() for _ in range(4))
    for path in logs_of(run, r"supervisord\.log|export-(api|worker)\.log"):
        name, pid_of = os.path.relpath(path, run + "/log"), {}
        with open(path, encoding="utf-8", errors="replace") as f:
            for line in f:
                m = re.search(r"spawned: '(\S+)' with pid (\d+)", line)
                if m:
                    pid_of[m[1]] = int(m[2])
                m = re.search(r"exited: (\S+) \((.*?);", line)
                if m:
                    ends["%s: %s" % (re.sub(r"-\d+$", "", m[1]), m[2])] += 1
                    if re.search(r"SIG(?!KILL)", m[2]) or (m[2].startswith("exit")
                                                           and m[2] != "exit status 0"
                                                           and m[1].startswith("export-worker")):
                        v.wrong.append("%s (pid %s) ended: %s" % (m[1], pid_of.get(m[1]), m[2]))
                    elif "SIGKILL" in m[2] and m[1].startswith("export-worker") and pid_of.get(
                        m[1]) not in killed:
                        v.wrong.append("%s (pid %s) was killed, not by us"
                                       % (m[1], pid_of.get(m[1])))
                m = re.search(r" op=(start|stop) (?:pid=|worker=\S*:)(\d+)", line)
                if m:
                    (starts if m[1] == "start" else stops)[int(m[2])] += 1
                m = re.search(r" op=(split|unit_claimed|unit_done) ", line)
                if m:
                    units[m[1]] += 1
                if re.search(r"Sanitizer|runtime error:|double free|free\(\)|malloc\(\)|corrupted|"
                             r"Assertion|Aborted", line):
                    v.wrong.append("%s: %s" % (name, line.strip()[:300]))
    for pid in starts:
        if starts[pid] > stops[pid] + killed[pid] + (pid in alive):
            v.wrong.append("the process %d started, was not killed by us, and ended without a word"
                           % pid)
    v.facts.append("jobs split: %d, claims of units: %d, units done: %d" % (units["split"],
            units["unit_claimed"], units["unit_done"]))
    v.facts.append("ends that supervisord saw: "
                   + ", ".join("%s: %d" % x for x in sorted(ends.items())))


def errors_of(run):
    """The services' warnings and errors, alike ones counted."""
    seen = collections.Counter()
    for name in ("export-api", "export-worker"):
        for path in logs_of(run, re.escape(name + ".log")):
            with open(path, encoding="utf-8", errors="replace") as f:
                for line in f:
                    m = re.search(r"level=(warn|error) (.*)", line)
                    if m:
                        seen["%s %s %s"
                             % (name, m[1],
                                re.sub(r"\d+", "N",
                                       re.sub(r"job=\w+ ", "", m[2])).strip()[:170])] += 1
    return seen


def documents(client):
    return {str(d["_id"]): d for d in client.exports.jobs.find()}
