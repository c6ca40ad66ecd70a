#!/usr/bin/python3
"""docs/ matches the tree: each file has its line in docs/ARCHITECTURE.md and each line its file;
every path, link and heading that a page names exists; README stays short; openapi.yaml says
what the service does where a table can tell.

Prints TAP.
"""
import fnmatch
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import docs     # noqa: E402
from service import ROOT, done, is_, ok, section, skip_all   # noqa: E402

PLAN = "docs/ARCHITECTURE.md"
README_LINES, README_COLUMNS = 130, 100
TOP = ("fcgi", "lib", "worker", "nginx", "scripts", "t", "docs", ".ci")


def files_of_git():
    return subprocess.run(["git", "ls-files"], cwd=ROOT, stdout=subprocess.PIPE, text=True,
                          check=True).stdout.splitlines()


def rooms():
    """{folder: [name]} of the tables under the headings that name one: "." is the top."""
    text = docs.read(PLAN)
    text = text[text.index("## The tree"):]
    found = {}
    for folder, body in re.findall(r"^### (\S+)\n(.*?)(?=^### |\Z)", text, re.M | re.S):
        cells = re.findall(r"^\| (`.*?) \|", body, re.M)
        found[folder.rstrip("/")] = [name for cell in cells
                                     for name in re.findall(r"`([^`]+)`", cell)]
    return found


def is_of(name, rest):
    """Whether a line of this name is that of the file: by name, by pattern (0xxx-*.t: digits),
    or without .c and .h."""
    pattern = re.sub(r"(?<=\d)xxx", "[0-9][0-9][0-9]", name)
    return fnmatch.fnmatchcase(rest, pattern) or rest in (name + ".c", name + ".h")


def floor_plan(files):
    plan, used = rooms(), set()
    ok(len(plan) >= 15, "the tree is read", sorted(plan))
    lost = []
    for file in files:
        # The nearest folder that has a heading has the line.
        folder = os.path.dirname(file) or "."
        while folder not in plan and folder != ".":
            folder = os.path.dirname(folder) or "."
        rest = file if folder == "." else file[len(folder) + 1:]
        hits = [name for name in plan[folder] if is_of(name, rest)]
        used |= {(folder, name) for name in hits}
        if not hits:
            lost.append(file)
    is_(lost, [], "each file that git knows has its line in " + PLAN)
    spare = sorted((f, n) for f in plan for n in plan[f] if (f, n) not in used)
    is_(spare, [], "and each line its file")
    twice = [(f, n) for f in plan for n in plan[f] if plan[f].count(n) > 1]
    is_(twice, [], "once")


def paths(page, files):
    """Each name in backquotes that looks like a path of the tree exists."""
    wrong = []
    for name in re.findall(r"`([^`\n]+)`", docs.prose(page)):
        word = name.split()[0].rstrip(",;:")
        if not re.fullmatch(r"[\w.*-]+(/[\w.*-]+)+/?", word) or word.split("/")[0] not in TOP:
            continue
        if not (os.path.exists(os.path.join(ROOT, word)) or
                any(fnmatch.fnmatchcase(f, word) for f in files)):
            wrong.append(word)
    is_(wrong, [], page + ": each path that it names is there")
    lines = "\n".join(line for language, _, block in docs.blocks(page)
                      if language in ("sh", "console", "text") for line in block)
    wrong = [word for word in re.findall(r"(?:^|[\s$(])((?:scripts|t)/[\w./-]+)", lines)
             if not os.path.exists(os.path.join(ROOT, word))]
    is_(wrong, [], page + ": and each program that a block runs")


def anchors(page):
    """The anchors of its headings, as GitHub makes them."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.+)$", docs.prose(page), re.M)}


def links(page):
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", docs.prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = os.path.normpath(os.path.join(os.path.dirname(page), file)) if file else page
        if not os.path.exists(os.path.join(ROOT, path)) or (anchor and anchor not in anchors(path)):
            wrong.append(target)
    is_(wrong, [], page + ": each relative link leads somewhere")


def readme():
    lines = docs.read("README.md").splitlines()
    ok(len(lines) < README_LINES, "README.md is below %d lines" % README_LINES, len(lines))
    is_([n for n, line in enumerate(lines, 1) if len(line) > README_COLUMNS], [],
        "and none has more than %d characters" % README_COLUMNS)
    promises = re.findall(r"^\d\. ", "\n".join(lines), re.M)
    is_(len(promises), 6, "it has the six promises")


def pictures():
    with open(os.path.join(ROOT, "docs", "page.png"), "rb") as f:
        png = f.read()
    ok(png.startswith(b"\x89PNG") and len(png) < 150000, "docs/page.png is a PNG below 150 KB",
       len(png))
    svg = docs.read("docs/system.svg")
    ok("<title" in svg and "<desc" in svg, "docs/system.svg says what it shows")
    ok("script" not in svg and not re.search(r'href="(?!#)', svg), "and needs nothing else")


def problems():
    """The API, nginx and the description have the same types of problems."""
    told = re.findall(r"/problems/[a-z-]+", docs.read("nginx/www/openapi.yaml"))
    made = [set(re.findall(r"(?<=[ \"])/problems/[a-z-]+", docs.read(path)))
            for path in ("fcgi/reply.c", "nginx/export.conf")]
    is_(sorted(told), sorted(made[0] | made[1]), "openapi.yaml lists each type of problem once")
    ok(all(len(types) > 10 for types in made), "of both who answer", made)


def ways_in():
    """Each way to prove a name that nginx has a file for, and the API's scheme of it."""
    schemes = {"basic": "{type: http, scheme: basic}", "certificate": "{type: mutualTLS}"}
    text = docs.read("nginx/www/openapi.yaml")
    shipped = [way for way in schemes
               if os.path.exists(os.path.join(ROOT, "nginx", "auth-%s.conf" % way))]
    is_(shipped, list(schemes), "nginx has a file for each")
    for way in shipped:
        name = re.search(r"^    (\w+): %s" % re.escape(schemes[way][:-1]), text, re.M)
        ok(name and "  - %s: []\n" % name[1] in text, "openapi.yaml knows " + way)


def last_dates():
    """The page offers no date that the API refuses: the end is exclusive, the start before it."""
    last = int(re.search(r"TIMESTAMP_MAX_MS (\d+)", docs.read("lib/base/timestamp.h"))[1]) // 1000
    page = docs.read("nginx/www/index.html")
    for name, seconds in (("start", last - 86400), ("end", last)):
        day = time.strftime("%Y-%m-%d", time.gmtime(seconds))
        got = re.search(r'id="%s-date"[^>]*\smax="([^"]*)"' % name, page)
        is_(got and got[1], day, "the page's last day to %s" % name)


def main():
    if not os.path.exists(os.path.join(ROOT, ".git")):
        skip_all("git's list of files; this is no clone")
    files = files_of_git()
    section("floor plan", floor_plan, files)
    for page in docs.pages() + ["CHANGELOG.md", "worker/engine/FORMAT.md"]:
        section(page, paths, page, files)
        section(page, links, page)
    section("README", readme)
    section("pictures", pictures)
    section("problems", problems)
    section("ways in", ways_in)
    section("last dates", last_dates)
    return done()


if __name__ == "__main__":
    sys.exit(main())
