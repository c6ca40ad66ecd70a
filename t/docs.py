"""What t/0110-docs.t and t/3400-readme.t read of README.md, CONTRIBUTING.md and docs/*.md.

    pages()             their names, README.md first
    blocks(page)        [(language, line, [text])] of the fenced blocks
    prose(page)         the text without them
    commands(lines)     [(command, [expected line])] of a console block
    Answers(port)       .match(expected, got): whether an answer is the one that the page shows
"""
import glob
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
PORTS = 18000       # which the pages name


def read(page):
    with open(os.path.join(ROOT, page), encoding="utf-8") as f:
        return f.read()


def pages():
    found = glob.glob(os.path.join(ROOT, "docs", "*.md"))
    return ["README.md", "CONTRIBUTING.md"] + sorted(os.path.relpath(p, ROOT) for p in found)


def blocks(page):
    text = read(page)
    return [(m[1], text.count("\n", 0, m.start()) + 1, m[2].splitlines())
            for m in FENCE.finditer(text)]


def prose(page):
    return FENCE.sub("", read(page))


def commands(lines):
    found, more = [], False
    for line in lines:
        if more:
            found[-1][0] += "\n" + line
        elif line.startswith("$ "):
            found.append([line[2:], []])
        elif not found:
            raise ValueError("an answer before any command: " + line)
        else:
            found[-1][1].append(line)
        more = (more or line.startswith("$ ")) and line.endswith("\\")
    return found


class Answers:
    """White space does not count; "..." stands for any text. An id, a SHA-256 or a size differs
    from run to run, but is the same wherever the page shows the same; ports are this stack's."""

    VARIES = re.compile(r"(?P<any>\.\.\.)|(?P<sha>[0-9a-f]{64})|(?P<id>[0-9a-f]{24})|"
                        r"127\.0\.0\.1:(?P<port>\d+)|(?<=\"size\":)(?P<size>\d+)")

    def __init__(self, port):
        self.port = port
        self.known = {}

    def match(self, expected, got):
        names, pattern, at = {}, "", 0
        text = re.sub(r"\s", "", "".join(expected))
        for m in self.VARIES.finditer(text):
            pattern += re.escape(text[at:m.start()])
            at = m.end()
            if m["any"]:
                pattern += ".*"
            elif m["port"]:
                pattern += re.escape("127.0.0.1:%d" % (int(m["port"]) - PORTS + self.port))
            elif m[0] in self.known:
                pattern += re.escape(self.known[m[0]])
            elif m[0] in names:
                pattern += "(?P=%s)" % names[m[0]]
            else:
                names[m[0]] = "v%d" % len(names)
                form = r"\d+" if m["size"] else "[0-9a-f]{%d}" % len(m[0])
                pattern += "(?P<%s>%s)" % (names[m[0]], form)
        hit = re.fullmatch(pattern + re.escape(text[at:]), re.sub(r"\s", "", got), re.S)
        if hit:
            self.known.update((shown, hit[name]) for shown, name in names.items())
        return hit is not None
