#!/usr/bin/python3
"""The man pages match the programs: each key that the programs list (--keys) is in export.conf(5)
and in scripts/export.conf with its default and range, each option of --help is in its page and the
other way round, each op= with its fields in the page of the program that logs it; mandoc
finds no fault.

Prints TAP.
"""
import glob
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from service import ROOT, done, is_, ok, section, skip_all     # noqa: E402

B = os.environ.get("B", "build")
PROGRAMS = {"export-api": "fcgi/export-api.8", "export-worker": "worker/export-worker.8"}
PAGES = (*PROGRAMS.values(), "scripts/export.conf.5", "scripts/exportctl.1")
os.chdir(ROOT)


def read(name):
    with open(name, encoding="utf-8") as f:
        return f.read()


def output_of(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout


def lint():
    for page in PAGES:
        run = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             check=False)
        ok(run.returncode == 0 and not run.stdout, "mandoc finds no fault: " + page, run.stdout)
        text = read(page)
        for heading in ("NAME", "DESCRIPTION", "FILES", "EXAMPLES", "SEE ALSO"):
            ok(".Sh %s\n" % heading in text, "%s has %s" % (page, heading))


# ---- keys ---------------------------------------------------------------------------------

def keys_of_programs():
    """{key: (kind, default or None, min, max, choices)}, as the programs list them."""
    lists = [output_of(os.path.join(B, program), "--keys") for program in PROGRAMS]
    is_(lists[0], lists[1], "both programs list the same keys")
    found = {}
    for line in lists[0].splitlines():
        fields = line.split("\t")
        if not ok(len(fields) == 8, "--keys: eight fields", line):
            continue
        name, kind, default, low, high, program, need, choices = fields
        role = name.partition("_")[0]
        ok(kind in ("text", "secret", "yesno", "number", "choice"), "--keys: the kind of " + name,
           kind)
        is_(program, role if role in ("api", "worker") else "both", "--keys: which reads " + name)
        ok(need in (("default",) if default else ("required", "optional")),
           "--keys: the need of " + name, line)
        is_((low != "", high != "", choices != ""),
            (kind == "number", kind == "number", kind == "choice"), "--keys: the range of " + name)
        ok(name not in found, "--keys: once: " + name)
        found[name] = (kind, None if need == "required" else default, int(low or 0), int(high or 0),
                       choices.split(","))
    return found


def wanted_line(kind, default, low, high, choices):
    """How export.conf(5) begins to describe such a key; %s stands for a unit."""
    last = "default %s" % default if default else "may be left out"
    if default is None:
        last = "has to be given"
    return {"text": "Text; %s.", "secret": "File of a secret; %s.", "yesno": "Yes or no; %s.",
            "number": "Number, %d to %d; %%s." % (low, high),
            "choice": "One of %s; %%s." % ", ".join(choices)}[kind] % last


def keys():
    table = keys_of_programs()
    ok(len(table) > 45, "the keys are listed", len(table))
    page = {}
    # The first sentence, which may go on in a next line.
    for name, line in re.findall(r"^\.It Ic (\w+)\n([^.][^\n]*(?:(?<!\.)\n[^.\n][^\n]*)*)",
                                 read("scripts/export.conf.5"), re.M):
        ok(name not in page, "once in export.conf(5): " + name)
        page[name] = re.sub(r"^Number of [a-z ]+,", "Number,", line.replace("\n", " "))
    is_(sorted(page), sorted(table), "the keys of export.conf(5) are those of --keys")
    example = re.findall(r"^(#?)(\w+) =[ \t]*(.*)$", read("scripts/export.conf"), re.M)
    is_(sorted(name for _, name, _ in example), sorted(table),
        "the keys of scripts/export.conf are those of --keys, each once")
    for name, described in table.items():
        is_(page.get(name), wanted_line(*described), "export.conf(5): " + name)
    for hidden, name, value in example:
        default = table.get(name, (None, None))[1]
        if hidden:
            is_(value, default, "scripts/export.conf shows the default of " + name)
        else:
            # By default S3 is signed for with keys, which other credentials do without.
            ok(not default, "scripts/export.conf sets what has no default: " + name, default)


# ---- options ------------------------------------------------------------------------------

def flags_of_page(page):
    """The options that the page's lists describe."""
    found = set()
    for line in re.findall(r"^\.It (Fl .*)$", read(page), re.M):
        found |= {"-" + flag for flag in re.findall(r"Fl (-?[a-z][a-z-]*)", line)}
    return found


def help_of(*command):
    return output_of(*command, "--help")


def flags_of_help(text):
    """The options that are listed: two spaces, then an option and perhaps another form."""
    found = set()
    for line in re.findall(r"^  (-.*)$", text, re.M):
        found |= set(re.findall(r"(?:^|, )(--?[a-z][a-z-]*)", line.split("  ")[0]))
    return found


def options():
    for program, page in PROGRAMS.items():
        text = help_of(os.path.join(B, program))
        found = flags_of_help(text)
        is_(sorted(found), sorted(flags_of_page(page)), page + " has the options of --help")
        ok(found >= {"-c", "--config", "--check", "-h", "--help"},
           program + ": the options were found", found)
    text = help_of("scripts/exportctl")
    commands = re.findall(r"^    (\w+) ", text, re.M)
    ok({"create", "list", "estimate"} <= set(commands), "exportctl: the commands were found",
       commands)
    described = set(re.findall(r"^\.It Cm (\w+)$", read("scripts/exportctl.1"), re.M))
    is_(sorted(described), sorted(commands), "exportctl(1) has the commands of --help")
    flags = flags_of_help(text)
    for command in commands:
        flags |= flags_of_help(help_of("scripts/exportctl", command))
    is_(sorted(flags_of_page("scripts/exportctl.1")), sorted(flags),
        "exportctl(1) has the options of --help, of all commands")
    statuses = re.findall(r"^  (\d+) ", text[text.index("exit status:"):], re.M)
    page = read("scripts/exportctl.1")
    page = page[page.index(".Sh EXIT STATUS"):page.index(".Sh EXAMPLES")]
    described = set(re.findall(r"^\.It (\d+)$", page, re.M))
    ok(set(statuses) <= described and len(statuses) > 5,
       "exportctl(1) has the exit statuses of --help", statuses)
    source = read("scripts/exportctl")
    read_ones = set(re.findall(r'environ(?:\.get\(|\[)"(\w+)"', source))
    for variable in read_ones | set(re.findall(r'"(EXPORT_\w+)"', source)):
        ok(".It Ev %s\n" % variable in read("scripts/exportctl.1"), "exportctl(1) has " + variable)


# ---- log lines ----------------------------------------------------------------------------

def logged(folder):
    """{op: fields} of the calls of log_fields() and log_msg() that name their op."""
    found = {}
    for name in sorted(glob.glob(folder + "/**/*.c", recursive=True)):
        if name.endswith("/crash.c"):           # is in no release
            continue
        text = re.sub(r'"\s*\n\s*"', "", read(name))
        for op, form in re.findall(r'log_fields\(LOG_\w+,\s*"(\w+)",\s*"([^"]*)"', text):
            found.setdefault(op, set()).update(re.findall(r"(\w+)=", form))
        for op in re.findall(r'(?:log_msg\(LOG_\w+|mongo_log\(|\.op =|'
                             r'\bamqp_link_lost(?:_reply)?\([^,]*)[ ,]*"(\w+)"', text):
            found.setdefault(op, set())
    return found


def ops_of_page(page):
    """{op: fields} of the lists below LOG LINES, where a backslash joins two lines."""
    text = read(page).replace("\\\n", "")
    text = text[text.index(".Sh LOG LINES"):text.index(".Sh EXAMPLES")]
    found = {}
    for names, body in re.findall(r"^\.It Cm (.*)\n((?:(?!\.It |\.El).*\n)*)", text, re.M):
        for name in names.split(" , "):
            found.setdefault(name.strip(), set()).update(re.findall(r"^\.Ic (\w+)", body, re.M))
    return found


def log_lines():
    common = logged("lib")
    ok(len(common) > 20, "what lib/ logs is found", sorted(common))
    documented = {}
    for folder, page in (("fcgi", "fcgi/export-api.8"), ("worker", "worker/export-worker.8")):
        ops = ops_of_page(page)
        documented[folder] = ops
        for op, fields in logged(folder).items():
            ok(op in ops, "%s has op=%s" % (page, op))
            is_(sorted(fields - ops.get(op, set())), [], "with its fields: " + op)
    for op in common:
        ok(op in documented["fcgi"] or op in documented["worker"],
           "one of them has op=%s of lib/" % op)


if shutil.which("mandoc") is None:
    skip_all("mandoc; run scripts/deps")
if "san" in os.path.basename(B):
    print("1..0 # SKIP a build with sanitizers has the same pages")
    sys.exit(0)
for program in PROGRAMS:
    if not os.access(os.path.join(B, program), os.X_OK):
        skip_all("%s/%s; run make" % (B, program))
section("lint", lint)
section("keys", keys)
section("options", options)
section("log lines", log_lines)
sys.exit(done())
