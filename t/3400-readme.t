#!/usr/bin/python3
"""README.md and docs/*.md match the service: scripts/demo prints what README shows, every command
of a console block works and answers as shown, on any ports; README's hour documents become README's
CSV.

A block in `sh` is not run; its first line says why, in words that NOT_RUN has. Prints TAP. Always
on a stack of its own, where jobs are slow (t/3400-readme.conf), so that a session sees one that
runs.
"""
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import docs     # noqa: E402
from service import (       # noqa: E402
    ROOT, Late, create, done, fetch, finish, is_, mongo, note, ok, request, section, under_stack,
    wait_for)

WAIT_S = 60
# How a block that is not run begins, and why it is not.
NOT_RUN = {
    "# On a production machine": "installs into the system, or talks to a site's own servers",
    "# Takes minutes": "a bench, or faults at length; make runs it, with figures of its own",
    "# Builds and tests": "this very suite, or a build of its own",
}
TWO = ["scripts/demo", "scripts/check"]
VEHICLE = "vehicle_900"
SETTINGS = ("RUN", "PORTS", "BIN", "PATH", "HOME", "LANG", "TMPDIR", "SERVERS")
MARK = "-- it ended with "
# Reads that a person repeats until the service is where the page shows it.
READS = ('curl -s "$job"', 'curl -sf "$EXPORT_URL/vehicles', "scripts/exportctl vehicles", "grep ")


def tree_in(folder):
    """The pages name run/env and run/FILE: here that is the folder of this test's stack."""
    tree = os.path.join(folder, "tree")
    os.mkdir(tree)
    for name in os.listdir(ROOT):
        if name != "run":
            os.symlink(os.path.join(ROOT, name), os.path.join(tree, name))
    os.symlink(os.environ["EXPORT_RUN"], os.path.join(tree, "run"))
    return tree


def demo(tree):
    run = subprocess.run([TWO[0]], cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True, check=False)
    ok(run.returncode == 0, TWO[0], run.stdout[-2000:])
    shown = [line for language, _, lines in docs.blocks("README.md") if language == "text"
             for line in lines if line]
    for line in shown:
        ok(re.search("^ *%s$" % re.escape(line.strip()), run.stdout, re.M),
           "the demo prints: " + line)
    ok(len(shown) >= 6, "README shows the demo's files and rows", shown)


class Shell:
    """One bash for a page, with nothing of this test's environment but where the stack is: the rest
    has to come from run/env."""

    def __init__(self, tree, folder):
        self.file, self.err = os.path.join(folder, "command"), os.path.join(folder, "stderr")
        self.bash = subprocess.Popen(["bash"], cwd=tree, stdin=subprocess.PIPE, text=True,
                                     stdout=subprocess.PIPE, env={
                                         k: os.environ[k] for k in SETTINGS if k in os.environ})

    def run(self, command):
        """(status, standard output)"""
        with open(self.file, "w", encoding="utf-8") as f:
            f.write(command + "\n")
        self.bash.stdin.write('. %s </dev/null 2>%s; status=$?; echo; echo "%s$status"\n' % (
            self.file, self.err, MARK))
        self.bash.stdin.flush()
        got = ""
        for line in self.bash.stdout:
            if line.startswith(MARK):
                return int(line[len(MARK):]), got[:-1]
            got += line
        raise RuntimeError("the shell has gone: " + command)

    def said(self):
        with open(self.err, encoding="utf-8") as f:
            return f.read()

    def close(self):
        self.bash.stdin.close()
        self.bash.wait()


def told(shell, answers, command, expected):
    got = [None, ""]

    def as_shown():
        got[:] = shell.run(command)
        return got[0] == 0 and (not expected or answers.match(expected, got[1]))

    try:
        shown = wait_for(command, as_shown, WAIT_S) if command.startswith(READS) else as_shown()
    except Late:
        shown = False
    ok(shown, "$ " + command.replace("\n", " "), "exit %s\nwant %s\ngot  %s\n%s" % (
        got[0], "\n".join(expected), got[1], shell.said()))


def sessions(page, tree, folder):
    """Its console blocks, in their order, in one shell."""
    shell, n = Shell(tree, folder), 0
    answers = docs.Answers(int(os.environ["EXPORT_PORTS"]))
    try:
        for language, _, lines in docs.blocks(page):
            for command, expected in docs.commands(lines) if language == "console" else []:
                told(shell, answers, command, expected)
                n += 1
    finally:
        shell.close()
    return n


def not_run(page):
    for language, number, lines in docs.blocks(page):
        if language != "sh":
            continue
        if page == "README.md":
            is_([line.split()[0] for line in lines], TWO, "README's two commands")
            continue
        why = next((NOT_RUN[k] for k in NOT_RUN if lines[0].startswith(k)), None)
        if ok(why, "%s:%d: the first line says why this block is not run" % (page, number),
              lines[0]):
            note("%s:%d is not run: %s" % (page, number, why))


def example():
    """README's hour documents, of speed and of soc, become README's CSV."""
    found = {language: "\n".join(lines) for language, _, lines in docs.blocks("README.md")}
    text, read, documents = found["json"], json.JSONDecoder(), []
    while text.strip():
        document, end = read.raw_decode(text.lstrip())
        documents.append(document)
        text = text.lstrip()[end:]
    database = mongo()[VEHICLE]
    for parameter, document in zip(("speed", "soc"), documents, strict=True):
        database[parameter].insert_one(document)
    ident = create(request(days=1, vehicles=[VEHICLE]))
    job = finish(ident)
    is_(job["state"], "FINISHED", "an export of README's hour documents")
    with zipfile.ZipFile(io.BytesIO(fetch(ident)[1])) as z:
        is_(z.read(VEHICLE + ".csv").decode(), found["csv"] + "\n", "is README's CSV")


def main():
    under_stack(__file__, own=True)
    pages = docs.pages()
    note("on ports from %s on, which the pages call %d" % (os.environ["EXPORT_PORTS"], docs.PORTS))
    with tempfile.TemporaryDirectory(prefix="export-readme.") as folder:
        tree = tree_in(folder)
        section("demo", demo, tree)
        counts = {}
        for page in pages:
            counts[page] = section(page, sessions, page, tree, folder)
            if page == "README.md":
                section("example", example)     # before a page shows how to stop everything
    ok((counts["README.md"] or 0) >= 8 and sum(n or 0 for n in counts.values()) >= 20,
       "the pages have commands", counts)
    for page in pages:
        section(page + " without its sessions", not_run, page)
    with open(os.path.join(ROOT, "scripts", "export.conf"), encoding="utf-8") as f:
        keys = set(re.findall(r"^#?(\w+) =", f.read(), re.M))
    for key in ("grace_ms", "max_attempts", "link_ttl_s"):
        ok(key in keys and any("`%s`" % key in docs.prose(page) for page in pages),
           "a page names %s, a key of export.conf" % key)
    return done()


if __name__ == "__main__":
    sys.exit(main())
