#!/usr/bin/python3
"""The page in a real Chromium on the real stack: composing, watching, fetching, cancelling;
accessible, and safe against names.

Prints TAP. Always on a stack of its own, with t/5000-page.conf. Screenshots are in
build/screenshots.
"""
import csv
import datetime
import hashlib
import http.client
import http.server
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from page import Browser, needed        # noqa: E402
from service import (                   # noqa: E402
    FINAL, JSON_TYPE, NGINX_HEAD, ROOT, START, base, call, done, fetch, finish, generate, is_,
    job_of, jobs_of, mongo, note, ok, post, section, setting, stack, under_stack,
    wait_for)

V1, V2, V3 = "vehicle_001", "vehicle_002", "vehicle_003"
# A database's name has no space, slash, quotation mark or dot; a collection's may.
HOSTILE_VEHICLE = "vehicle_<img\tsrc=x\tonerror=hostile=1>"
HOSTILE_PARAMETER = "\"'><script>hostile=1</script><img src=x onerror=hostile=1>"
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
          "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
INLINE = (r"<style|\sstyle=|\son[a-z]+=|<script(?! type=\"module\" src=)|"
          r"(?:src|href)=\"(?:https?:)?//")
REQUEST = ("startDate", "endDate", "vehicles", "parameters", "format", "time", "split", "timeZone",
           "every", "take", "hold", "csv", "header", "compression", "name")
STATES = ("Waiting", "Running", "Finished")


def asked_for(job):
    return {k: job[k] for k in REQUEST if k in job}


def newest(n=1):
    """The jobs that were made last, newest first."""
    return call("GET", "/export?limit=%d" % n).json()["exports"]


def count():
    return len(call("GET", "/export?limit=500").json()["exports"])


# ---- what nginx sends ---------------------------------------------------------------------

def served():
    www = os.path.join(ROOT, "nginx", "www")
    files = sorted(n for n in os.listdir(www) if n.endswith((".js", ".css")))
    wrong = []
    for path, file, kind in [("/", "index.html", "text/html")] + [
            ("/" + n, n, "text/javascript" if n.endswith("js") else "text/css") for n in files]:
        got = call("GET", path)
        with open(os.path.join(www, file), "rb") as f:
            if (got.status, got.body) != (200, f.read()):
                wrong.append((path, got.status))
        for name, want in (("Content-Type", kind + "; charset=utf-8"),
                           ("Content-Security-Policy", POLICY),
                           ("X-Content-Type-Options", "nosniff"),
                           ("Referrer-Policy", "no-referrer"), ("Cache-Control", "no-cache")):
            if got.header(name) != want:
                wrong.append((path, name, got.header(name)))
        if call("GET", path, headers={"If-None-Match": got.header("ETag")}).status != 304:
            wrong.append((path, "no 304"))
    ok(not wrong and len(files) > 5,
       "the page and its %d files: types, policy, validators" % len(files), wrong)
    with open(os.path.join(www, "index.html"), encoding="utf-8") as f:
        text = f.read()
    is_(re.findall(INLINE, text), [], "no script, style or address of others in it")
    is_([p for p in ("/index.html", "/nothing.js", "/page.js/", "/x/page.js", "/Page.js")
         if call("GET", p).status != 404 or call("GET", p).type() != "application/problem+json"],
        [], "other paths are 404 as before")
    got = call("POST", "/", b"{}", JSON_TYPE)
    is_((got.status, got.header("Allow")), (405, "GET, HEAD"), "POST /: 405")


# ---- single modules -----------------------------------------------------------------------

def modules(b):
    ranges_of(b)
    plots(b)
    seen = b.evaluate("states.js", "[%s].map(([a, c]) => m.follows(a, c))" % ", ".join((
        "['NOT_STARTED', 'STARTED']", "['STARTED', 'NOT_STARTED']", "['FINISHED', 'STARTED']",
        "['FINISHED', 'EXPIRED']", "['EXPIRED', 'FINISHED']", "['CANCELLED', 'FINISHED']")))
    is_(seen, [True, False, False, True, False, False], "a state that goes back is not shown")
    sizes = b.evaluate("format.js", "[0, 999, 1000, 1e6, 1.5e9, 2e12].map(m.bytes)")
    is_([s.replace("\u00a0", " ") for s in sizes],
        ["0 B", "999 B", "1.0 kB", "1.0 MB", "1.5 GB", "2.0 TB"], "sizes are decimal")
    is_(b.evaluate("format.js", "['100ms', '90s', '10m', '24h'].map(m.length)"),
        ["100\u00a0ms", "90\u00a0s", "10\u00a0min", "24\u00a0h"], "lengths of steps in words")


def plots(b):
    got = b.evaluate("plot.js", "['speed', 'flat', 'none'].map((n, i) => m.plot(n, ["
                     "[[0, 1, 0, 0, 0], [2, 2, 2.5, 10, 12.5], [3, 1, 87.5, 87.5, 87.5]], "
                     "[[0, 1, 1, 1, 1], [1, 3, 1, 1, null]], null][i]).outerHTML)")
    ok('aria-label="speed: 4 values, 0 to 87.5"' in got[0] and got[0].count("<polygon") == 1
       and got[0].count("<circle") == 1 and got[0].count("<polyline") == 2,
       "a plot: a gap is a gap, an alternative in words", got[0])
    ok("<polygon" in got[1] and "No numbers" in got[2], "a plot of one value, of none", got)
    # SVG counts y from the top.
    least = float(re.search(r'cy="([\d.]+)"', got[0])[1])
    band, line = ([tuple(map(float, point.split(","))) for point in found.split()] for found in
                  re.findall(r'<poly(?:gon|line) points="([^"]+)"', got[0]))
    ok(len(band) == 4 and band[0][0] == band[3][0] and band[0][1] < band[3][1] < least,
       "the band of a bin is from its smallest to its largest", band)
    (x1, low), (x2, most) = line
    ok(x1 < x2 and most < low < band[3][1] and low > band[0][1],
       "what is more is higher up, what is later further right, a mean is in its band", got[0])


def ranges_of(b):
    ranges = ("m.presets({first: Date.UTC(2018, 10, 30, 5), last: %s}, %s, '%s').map((p) => "
              "[p.id, ...p.range.map((ms) => new Date(ms).toISOString().slice(0, 16))])")

    def of(last, now, zone):
        return {p[0]: p[1:] for p in b.evaluate("range.js", ranges % (last, now, zone))}

    b.cdp("Emulation.setTimezoneOverride", timezoneId="Europe/Berlin")
    utc = of("Date.UTC(2018, 11, 1, 19)", "Date.UTC(2026, 2, 30, 12)", "utc")
    is_(utc["data-day"], ["2018-12-01T00:00", "2018-12-02T00:00"], "the last full day with data")
    is_(utc["data-week"], ["2018-11-26T00:00", "2018-12-03T00:00"], "its week")
    is_(utc["data-month"], ["2018-12-01T00:00", "2019-01-01T00:00"], "its month")
    is_(of("Date.UTC(2018, 11, 1, 19)", "Date.UTC(2018, 11, 1, 20)", "utc")["data-day"],
        ["2018-11-30T00:00", "2018-12-01T00:00"], "a day that is not over is not full")
    local = of("Date.UTC(2018, 11, 1, 19)", "Date.UTC(2026, 2, 30, 12)", "local")
    is_(local["data-day"], ["2018-11-30T23:00", "2018-12-01T23:00"], "a local day")
    is_(local["yesterday"], ["2026-03-28T23:00", "2026-03-29T22:00"], "a local day of 23 hours")
    is_(utc["7-days"], ["2026-03-23T00:00", "2026-03-30T00:00"], "7 days until midnight")
    is_(utc["last-month"], ["2026-02-01T00:00", "2026-03-01T00:00"], "last month")
    read = "m.read({date: '%s', time: '%s'}, '%s')"
    is_([b.evaluate("range.js", read % x) for x in (
        ("2018-11-30", "06:00", "utc"), ("2018-11-30", "06:00:01.5", "local"),
        ("2018-06-31", "", "utc"), ("2018-06-31", "", "local"), ("", "", "utc"))],
        [START + 6 * 3600000, START + 5 * 3600000 + 1500, None, None, None],
        "moments are read, a 31st of June is none")
    b.cdp("Emulation.setTimezoneOverride", timezoneId="UTC")


# ---- composing ----------------------------------------------------------------------------

def estimate_of(b):
    return b.wait("an estimate", lambda: re.search(
        r"About ([\d,]+)\sdocuments? of ([\d,]+)\svehicle", b.one("#estimate").text))


def chips(b):
    return [c.find_element("tag name", "span").text for c in b.all(".chip")]


def compose(b):
    """By typing and clicking, as somebody who sees the page for the first time; the job's id."""
    is_(b.text("#estimate"), "Choose vehicles to see the size.", "what is missing is said")
    b.click("#send")
    is_((b.text("#fault-vehicles"), count()), ("Choose vehicles.", 0),
        "without vehicles nothing is sent, and it is said where")
    b.type("#vehicle-search", "vehicle_00")
    b.wait("the list", lambda: "begin with \u201cvehicle_00\u201d" in b.text("#vehicle-found"))
    b.click("#vehicle-list input[value=%s]" % V1)
    b.click("#vehicle-list input[value=%s]" % V2)
    is_(chips(b), [V1, V2], "chosen vehicles are chips")
    b.one("#vehicle-search").clear()
    b.type("#vehicle-search", "003\n")
    b.wait("the third", lambda: chips(b) == [V1, V2, V3])
    ok(True, "what comes after the usual beginning is found, too; Enter takes the only one")
    is_(b.text("#range-sent"),
        "In UTC: 2018-11-30T00:00:00Z to 2018-12-01T00:00:00Z (exclusive).",
        "the last full day with data is suggested")

    b.click("[name=which][value=chosen]")
    b.wait("parameters", lambda: len(b.all("#parameter-list input")) == 5)
    is_([x.get_attribute("value") for x in b.all("#parameter-list input")],
        ["speed", "soc", "current", "odo", "voltage"], "the union of parameters")
    b.click("#parameter-all")
    b.click("#parameter-list input[value=odo]")
    b.type("#parameter-name", "lacking\n")
    ok("None of the vehicles checked has lacking" in b.text("#parameter-hint"),
       "a parameter of no vehicle is reported")
    b.click("#parameter-list input[value=lacking]")
    b.pick("#format", "excel")
    is_(b.value("#time"), "local", "for spreadsheets local time is suggested")
    b.pick("#format", "parquet")
    ok(not b.one("#time-part").is_displayed() and "_text" in b.text("#format-hint"),
       "in Parquet times have one form", b.text("#format-hint"))
    b.pick("#format", "rfc4180")
    is_((b.one("#time-part").is_displayed(), b.text("#format-hint")), (True, ""),
        "in a CSV they have several")
    b.pick("#time", "ms")
    b.type("#name", "First export")
    body = {"startDate": "2018-11-30", "endDate": "2018-12-01", "vehicles": [V1, V2, V3],
            "parameters": ["speed", "soc", "current", "voltage"]}
    want = call("POST", "/export?dryRun=true", json.dumps(body).encode(), JSON_TYPE).json()
    got = estimate_of(b)
    is_((int(got[1]), int(got[2])), (want["documents"], want["vehicles"]),
        "the estimate is that of the service")
    ok("This is large: %d %% of what one export may read (150)" %
       round(100 * want["documents"] / 150) in b.text("#estimate"),
       "that it is large is said", b.text("#estimate"))
    b.screenshot("compose")

    b.click("#send")
    ident = b.wait("the job", lambda: newest()[0]["_id"])
    b.wait("its card", lambda: b.card(ident))
    is_(asked_for(job_of(ident)), dict(
        body, startDate="2018-11-30T00:00:00.000Z", endDate="2018-12-01T00:00:00.000Z", time="ms",
        csv="rfc4180", compression="fast", name="First export"), "the job is what was composed")
    ok(b.active().get_attribute("tagName") == "H3" and b.active().text == "First export",
       "the new job has the focus", b.active().text)
    return ident


def watched(b, ident):
    """Until it has ended: what the card shows, in order."""
    seen, parts, shot = [], set(), False

    def look():
        nonlocal shot
        card = b.card(ident)
        state = card.find_element("css selector", ".state").text
        if state not in seen:
            seen.append(state)
        bar = card.find_element("tag name", "progress")
        if state == "Running" and bar.is_displayed():
            part = bar.get_property("value") / bar.get_property("max")
            parts.add(part)
            if not shot and 0 < part < 1:
                shot = True
                b.screenshot("running")
        return state not in STATES[:2]
    b.wait("the end of the job", look)
    ok(seen == [s for s in STATES if s in seen] and {"Running", "Finished"} <= set(seen),
       "it is seen to run and to finish, in this order", seen)
    ok(any(0 < p < 1 for p in parts), "the bar is seen on its way", parts)
    times = b.asked("/export/" + ident)
    gaps = [b_[0] - a[1] for a, b_ in zip(times, times[1:])]
    ok(len(gaps) >= 2 and min(gaps) >= 990, "a second at least between two polls", gaps)
    return len(times)


def downloaded(b, ident):
    job, archive = fetch(ident)
    card = b.card(ident)
    is_(b.buttons(card), ["Download", "Delete result"], "a finished job can be downloaded")
    b.click(b.button(card, "Download"))
    file = os.path.join(b.downloads, "first-export_2018-11-30_2018-11-30.zip")
    b.wait("the file", lambda: os.path.exists(file) and os.path.getsize(file) == job["size"]
           and not [n for n in os.listdir(b.downloads) if n.endswith(".crdownload")])
    with open(file, "rb") as f:
        data = f.read()
    ok(data == archive, "the file is what the service's own link gives, to the byte")
    is_(hashlib.sha256(data).hexdigest(), job["sha256"], "its SHA-256 is the job's")
    b.click(card.find_element("tag name", "summary"))
    b.wait("the preview, or why there is none",
           lambda: "Loading" not in card.find_element("css selector", ".preview").text)
    is_(card.find_element("css selector", ".sum code").text, job["sha256"], "the card shows it")
    b.click(b.button(card, "Copy"))
    b.wait("the copy", lambda: card.find_element("css selector", ".sum button").text == "Copied")
    is_(b.wait("the clipboard", lambda: b.script("navigator.clipboard.readText()")), job["sha256"],
        "and copies it")
    facts = card.find_element("css selector", ".facts").text
    shown = format(job["size"], ",") + " bytes"
    ok(shown in facts and format(job["progress"]["rows"], ",") in facts
       and "2018-11-30T00:00:00Z" in facts, "size, rows and range", facts)
    is_(card.find_element("css selector", "time").get_attribute("title"),
        job["createdAt"].replace(".000Z", "Z") + " (UTC)", "UTC is there to point at")


def previewed(b, ident):
    got = call("GET", "/export/%s/preview" % ident)
    card = b.card(ident)
    is_(got.status, 200, "GET preview")
    first = got.json()["vehicles"][0]
    _, archive = fetch(ident)
    with zipfile.ZipFile(io.BytesIO(archive)) as z:
        with z.open(first["vehicle"] + ".csv") as f:
            rows = list(csv.reader(io.TextIOWrapper(f, "utf-8", newline="")))
    table = [[c.get_attribute("textContent") for c in row.find_elements("css selector", "th, td")]
             for row in card.find_elements("css selector", ".preview tr")]
    is_(table, [row[:1 + len(first["parameters"])] for row in rows][:1 + len(first["rows"])],
        "the table is the first rows of the CSV")
    labels = [s.get_attribute("aria-label")
              for s in card.find_elements("css selector", ".preview svg")]
    columns = [[float(row[i]) for row in rows[1:] if row[i]] for i in range(1, len(rows[0]))]
    is_([re.sub("[^0-9]", "", x.partition(" values, ")[0].rpartition(":")[2]) for x in labels],
        [str(len(c)) for c in columns], "a plot of all values of each column")
    is_([[float(n.replace(",", "")) for n in x.partition(" values, ")[2].split(" to ")]
         for x in labels],
        [[float("%.6g" % min(c)), float("%.6g" % max(c))] for c in columns],
        "from the smallest to the largest")
    ok(card.find_elements("css selector", ".preview svg polygon"), "with a band")


# ---- when to ask again --------------------------------------------------------------------

class Pacer(http.server.ThreadingHTTPServer):
    """Passes requests on to the service; where a job is the answer it says Retry-After: 3. Once,
    when busy is set, the answer is a 503 that says `busy` seconds. seen: [(method, when the request
    came, when it was answered, status)] of a job's requests."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Paced)
        self.seen, self.busy = [], None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def gaps(self):
        """[(status, seconds until the next request)]"""
        return [(a[3], b[1] - a[2]) for a, b in zip(self.seen, self.seen[1:])]


class Paced(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def handle_job(self, path):
        came, busy = time.monotonic(), self.server.busy
        self.server.busy = None
        if busy is None:
            status = self.pass_on(path, "3")
        else:
            status = self.answer(503, {"Content-Length": "0", "Retry-After": str(busy)}, b"")
        self.server.seen.append((self.command, came, time.monotonic(), status))

    def pass_on(self, path, retry_after=None):
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        got = call(self.command, path, body, {
            k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")})
        headers = {k: v for k, v in got.headers.items() if k.lower() not in (
            "connection", "retry-after", "date", "server")}
        if retry_after:
            headers["Retry-After"] = retry_after
        return self.answer(got.status, headers, got.body)

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        return status

    def do_GET(self):
        if re.match("/export(/[0-9a-f]{24})?$", self.path):
            self.handle_job(self.path)
        else:
            self.pass_on(self.path)

    do_POST = do_GET


def paced(folder):
    """Polls heed Retry-After of answers and of errors: both say more than the page's own pauses."""
    os.mkdir(folder)
    server = Pacer()
    b = Browser(folder)
    try:
        b.open("http://127.0.0.1:%d" % server.server_port)
        b.click("#reset")
        b.type("#vehicle-search", V1 + "\n")
        b.wait("the chip", lambda: chips(b) == [V1])
        estimate_of(b)
        b.click("#send")
        wait_for("three polls", lambda: len(server.gaps()) >= 3, 60)
        is_([x[0] for x in server.seen[:4]], ["POST", "GET", "GET", "GET"], "a job, then its polls")
        ok(min(s for _, s in server.gaps()) >= 2.9,
           "no request sooner than Retry-After of an answer, 3 s", server.gaps())
        server.busy = 6
        b.wait("the trouble", lambda: "Trying again in 6 s" in b.text("#trouble"))
        ok(True, "a 503 is said, with when it is asked again")
        wait_for("the next poll", lambda: 503 in dict(server.gaps()), 60)
        ok(dict(server.gaps())[503] >= 5.9, "no request sooner than Retry-After of an error, 6 s",
           server.gaps())
        b.wait("the end of it", lambda: b.text("#trouble") == "")
        call("DELETE", "/export/" + newest()[0]["_id"])
    finally:
        b.close()
        server.shutdown()
        server.server_close()


PROXY = NGINX_HEAD + """server {
	listen 127.0.0.1:%d;
	location /fleet/telemetry/ { proxy_pass %s/; }
}
}
"""


def prefixed(folder):
    """The page below a path of a proxy's: it loads, asks there, and its commands lead there."""
    os.mkdir(folder)
    port = int(os.environ["EXPORT_PORTS"]) + 9
    with open(os.path.join(folder, "nginx.conf"), "w", encoding="utf-8") as f:
        f.write(PROXY % ("user root;\n" if os.getuid() == 0 else "", port, base()))
    proxy = subprocess.Popen([shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin"), "-p",
                              folder + "/", "-e", "error.log", "-c", "nginx.conf"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    at = "http://127.0.0.1:%d/fleet/telemetry" % port
    b = None
    try:
        wait_for("the proxy", lambda: listens(port), 20)
        b = Browser(folder)
        b.open(at)
        b.click("#reset")
        b.type("#vehicle-search", V1 + "\n")
        b.wait("the chip", lambda: chips(b) == [V1])
        estimate_of(b)
        is_([at in b.value("#" + x) for x in ("curl", "exportctl")], [True, True],
            "below a path: the commands name it")
        last = newest()[0]["_id"]
        b.click("#send")
        b.wait("the job", lambda: newest()[0]["_id"] != last)
        b.wait("its card", lambda: b.card(newest()[0]["_id"]))
        ok(True, "below a path: a request becomes a job, which is shown")
        call("DELETE", "/export/" + newest()[0]["_id"])
    finally:
        if b is not None:
            b.close()
        proxy.terminate()
        proxy.wait()


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


# ---- what goes wrong ----------------------------------------------------------------------

def refusals(b):
    before = len(b.asked("/export"))
    b.type("#end-date", "11292018")
    b.wait("the fault", lambda: "must be after the start" in b.text("#fault-range"))
    is_([b.one("#" + x).get_attribute("aria-invalid") for x in ("start-date", "end-date")],
        ["false", "true"], "a reversed range is reported at its end")
    b.click("#send")
    is_((len(b.asked("/export")), b.active().get_attribute("id")), (before, "field-range"),
        "and not sent; the field has the focus")
    b.type("#end-date", "11302019")
    want = call("POST", "/export?dryRun=true", json.dumps(
        {"startDate": "2018-11-30", "endDate": "2019-11-30"}).encode(), JSON_TYPE).json()
    b.wait("the refusal", lambda: want["detail"] in b.text("#fault-range").lower().replace(
        "startdate", "startDate"))
    is_((want["pointer"], b.one("#end-date").get_attribute("aria-invalid")), ("/endDate", "true"),
        "a refusal is shown at the field that its pointer names")
    b.pick("#preset", "data-day")
    estimate_of(b)
    is_(b.text("#fault-range"), "", "it goes when the range is good")
    b.click("[name=whose][value=all]")
    b.click("[name=which][value=all]")
    b.wait("the refusal", lambda: "documents would be read" in b.text("#fault-form"))
    ok("at most 150 are allowed" in b.text("#fault-form"),
       "all vehicles: too much is refused, with both numbers", b.text("#fault-form"))
    b.click("[name=whose][value=chosen]")


def remembered(b):
    b.click("[name=which][value=chosen]")
    b.click("#parameter-none")
    b.click("#parameter-list input[value=soc]")
    b.one("#name").clear()
    b.type("#name", "Kept")
    b.pick("#compression", "small")
    b.pick("#format", "parquet")
    b.type("#start-time", "060000AM")
    b.pick("#zone", "local")
    estimate_of(b)

    def form():
        return [chips(b), b.value("#name"), b.value("#compression"), b.value("#zone"),
                b.value("#preset"), b.text("#range-sent"), b.value("#format"),
                b.one("#time-part").is_displayed(),
                [x.get_attribute("value") for x in b.all("#parameter-list input:checked")]]
    was = form()
    is_(was[1:5] + was[6:], ["Kept", "small", "local", "custom", "parquet", False, ["soc"]],
        "the form is filled")
    b.reload()
    estimate_of(b)
    is_(form(), was, "and is the same after a reload")
    b.pick("#zone", "utc")
    b.click("#reset")
    is_((chips(b), b.value("#name"), b.value("#preset"), b.value("#format")),
        ([], "", "data-day", "rfc4180"), "it can be cleared")


def pasted(b):
    b.click("#paste summary")
    b.type("#paste-text", "%s, vehicle_x9\n%s;%s  a/b" % (V1, V2, V1))
    b.click("#paste-add")
    b.wait("the check",
           lambda: b.text("#unknown").startswith("Not in the catalogue: vehicle_x9, a/b."))
    is_(chips(b), [V1, "vehicle_x9", V2, "a/b"], "a pasted list: each name once")
    is_([c.find_element("css selector", ".why").text for c in b.all(".odd")],
        ["not in the catalogue", "not a valid name"], "the unknown are marked")
    b.wait("the refusal", lambda: "\u201ca/b\u201d: " in b.text("#fault-vehicles"))
    b.click("#unknown-remove")
    is_(chips(b), [V1, V2], "and go at once")
    got = estimate_of(b)
    is_((int(got[2]), b.text("#fault-vehicles")), (2, ""), "then the estimate is of two")


def zone_of(b):
    return b.script("Promise.resolve(Intl.DateTimeFormat().resolvedOptions().timeZone)")


def failed(b):
    """Of a vehicle that is not there; and again, with all that was asked for."""
    b.click("#reset")
    b.type("#vehicle-search", "vehicle_none\n")
    b.click("[name=which][value=chosen]")
    b.type("#parameter-name", "speed\n")
    parts = [b.one("#take-part"), b.one("#hold-part")]
    is_([p.is_displayed() for p in parts], [False] * 2, "no steps, no question about them")
    b.pick("#every", "10m")
    is_([p.is_displayed() for p in parts], [True] * 2, "with steps there are two")
    b.pick("#take", "mean")
    b.pick("#hold", "1m")
    b.pick("#format", "excel")
    b.pick("#header", "unit")
    is_(b.text("#split-hint"), "", "one file a vehicle, no word about days")
    b.pick("#split", "day")
    ok("each day" in b.text("#split-hint") and zone_of(b) in b.text("#split-hint"),
       "files of days: of which zone", b.text("#split-hint"))
    b.pick("#compression", "small")
    b.pick("#unknownVehicles", "skip")
    b.type("#name", "Of none")
    b.wait("the unknown", lambda: "vehicle_none" in b.text("#unknown")
           and "Unknown: vehicle_none" in b.text("#estimate"))
    b.click("#send")
    ident = b.wait("the job", lambda: newest()[0]["_id"]
                   if newest()[0].get("vehicles") == ["vehicle_none"] else None)
    b.wait("its end", lambda: b.card(ident).find_element("css selector", ".state").text == "Failed")
    asked = asked_for(job_of(ident))
    is_([asked[k] for k in REQUEST[2:] if k != "format"],
        [["vehicle_none"], ["speed"], "local", "day", zone_of(b), "10m", "mean", "1m", "excel",
         "unit", "small", "Of none"],
        "a job without a default")
    is_(job_of(ident)["unknownVehicles"], "skip", "nor here")
    ok("each 10\u00a0min, the mean, held for up to 1\u00a0min" in
       b.card(ident).get_attribute("textContent"), "its card has the steps in words")
    ok("each day in " + zone_of(b) in b.card(ident).get_attribute("textContent"),
       "and the files")
    message = job_of(ident)["error"]["message"]
    ok(message.lower() in b.card(ident).find_element("css selector", ".fault").text.lower()
       and "Check the name" in b.card(ident).text,
       "a failed job says why, and what to do", b.card(ident).text)
    ok("failed" in b.one("#news").get_attribute("textContent"), "a screen reader says it, too")
    b.click(b.button(b.card(ident), "Retry"))
    again = b.wait("another job",
                   lambda: newest()[0]["_id"] if newest()[0]["_id"] != ident else None)
    is_((asked_for(job_of(again)), job_of(again)["unknownVehicles"]), (asked, "skip"),
        "retry makes a new job of the same request")
    b.wait("its end", lambda: b.card(again).find_element("css selector", ".state").text == "Failed")


def parquet(b):
    """The same form, where times and the form of CSVs mean nothing any more; and again."""
    b.pick("#format", "parquet")
    b.pick("#split", "none")
    b.one("#name").clear()
    b.type("#name", "Of none, Parquet")
    b.wait("the command", lambda: "--format=parquet" in b.value("#exportctl"))
    words = b.value("#exportctl").split()
    is_([w for w in words if re.match("--(time|csv)", w)], [], "nothing is said of times and CSVs")
    b.click("#send")

    def ended(*others):
        job = newest()[0]
        state = b.card(job["_id"]).find_element("css selector", ".state").text
        return job["_id"] if job["name"] == "Of none, Parquet" and job["_id"] not in others and \
            state == "Failed" else None
    ident = b.wait("the job's end", ended)
    asked = asked_for(job_of(ident))
    is_([asked.get(k) for k in ("format", "time", "csv", "timeZone", "every", "header")],
        ["parquet", "ms", "rfc4180", None, "10m", "unit"], "a job of Parquet")
    ok("Parquet, units in headers, small compression" in
       b.card(ident).get_attribute("textContent"), "its card says so")
    b.click(b.button(b.card(ident), "Retry"))
    again = b.wait("another job's end", lambda: ended(ident))
    is_(asked_for(job_of(again)), asked, "retry makes a new job of the same request")


def cancelled(b):
    """While no worker runs, so that jobs wait; the ids of those that wait at the end."""
    from selenium.webdriver.common.action_chains import ActionChains
    stack("down", "worker")
    before = count()
    b.click("#reset")
    b.click("#vehicle-list input[value=%s]" % V1)
    b.click("[name=which][value=chosen]")
    b.click("#parameter-list input[value=soc]")
    b.type("#name", "Twice")
    estimate_of(b)
    ok("This is large" not in b.text("#estimate"), "what is small is not said to be large")
    send = b.one("#send")
    b.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", send)
    ActionChains(b.driver).double_click(send).perform()
    b.wait("the button",
           lambda: send.get_attribute("aria-disabled") == "false" and count() > before)
    is_(count(), before + 1, "a double click makes one job")
    ident = newest()[0]["_id"]
    card = b.card(ident)
    b.wait("its place",
           lambda: "number 1 in the queue" in card.text and "time left unknown" in card.text)
    is_((card.find_element("css selector", ".state").text, b.text("#active")),
        ("Waiting", "1 unfinished"), "it waits, and says where")
    tagged = wait_for("a 304", lambda: [x for x in lines(ident) if x[1] == "304"], 30)
    ok(tagged, "polls bear If-None-Match")

    b.click(b.button(card, "Cancel"))
    is_(b.buttons(card), ["Yes, cancel it", "No, keep it"], "cancelling is asked about, in place")
    b.click(b.button(card, "No, keep it"))
    is_((b.buttons(card), b.active().text), (["Cancel"], "Cancel"), "no: as before")
    b.click(b.button(card, "Cancel"))
    b.click(b.button(card, "Yes, cancel it"))
    b.wait("the end", lambda: card.find_element("css selector", ".state").text == "Cancelled")
    is_((job_of(ident)["state"], b.buttons(card)), ("CANCELLED", ["Retry"]), "yes: it is cancelled")
    polls = len(b.asked("/export/" + ident))

    b.click(b.button(card, "Retry"))
    waiting = [b.wait("another job",
                      lambda: newest()[0]["_id"] if newest()[0]["_id"] != ident else None)]
    is_(asked_for(job_of(waiting[0])), asked_for(job_of(ident)),
        "a cancelled one can be asked for again")
    for n in (2, 3, 4):
        waiting.append(post({"startDate": "2018-11-30", "endDate": "2018-12-01", "vehicles": [V1],
                             "name": "other %d" % n,
                             "parameters": ["soc", "odo"][:n - 1] or ["soc"]},
                            headers=dict(JSON_TYPE, **{"Idempotency-Key": str(n)})).json()["_id"])
    b.wait("the button", lambda: b.one("#send").get_attribute("aria-disabled") == "false")
    b.click("#send")
    b.wait("the refusal", lambda: re.search(
        r"You have too many unfinished jobs.* Try again in \d+ s\.", b.text("#fault-form")))
    ok(True, "429: said at the form, with when to come again")
    b.wait("the button", lambda: b.one("#send").get_attribute("aria-disabled") == "false")
    b.click("#refresh")
    b.wait("all four", lambda: b.text("#active") == "4 unfinished")
    return ident, polls, waiting


def lines(ident, since=0):
    """(method, status) of the browser's requests for this job, by nginx's access log."""
    with open(os.path.join(os.environ["EXPORT_RUN"], "log", "nginx-access.log"), encoding="utf-8",
              errors="replace") as f:
        f.seek(since)
        found = re.findall(r'"(\S+) /export/%s HTTP[^"]*" (\d+) \d+ "[^"]*" "Mozilla' % ident,
                           f.read())
    return found


def trouble(b, waiting):
    stack("down", "api")
    b.wait("the trouble", lambda: re.search(r"Trying again in \d+ s", b.text("#trouble")))
    ok("is being restarted" in b.text("#trouble"),
       "the service is away: it is said, and when it is asked again", b.text("#trouble"))
    b.click("#send")
    b.wait("the refusal",
           lambda: "is being restarted. Try again in 5 s." in b.text("#fault-form"))
    stack("up", "api")
    b.wait("the end of it", lambda: b.text("#trouble") == "")
    is_(b.card(waiting[0]).find_element("css selector", ".state").text, "Waiting",
        "when it is back the page goes on")


def hidden(b, waiting, ended, polls):
    """Another tab is in front while the jobs are done."""
    first = b.driver.current_window_handle
    log = os.path.join(os.environ["EXPORT_RUN"], "log", "nginx-access.log")
    b.driver.switch_to.new_window("tab")
    second = b.driver.current_window_handle
    since = os.path.getsize(log)
    stack("up", "worker")
    for ident in waiting:
        finish(ident)
    asked = {ident: len(lines(ident, since)) for ident in waiting}
    b.driver.close()
    b.driver.switch_to.window(first)
    ok(second != first and sum(asked.values()) <= 1,
       "nothing is asked while the tab is hidden, but what was on its way", asked)
    b.wait("the ends", lambda: b.text("#active") == "" and all(
        b.card(i).find_element("css selector", ".state").text == "Finished" for i in waiting))
    ok(True, "when it is seen again it is brought up to date")
    is_(len(b.asked("/export/" + ended)), polls, "a job that has ended is not polled")

    # What was refused with 429 and with 502 thrice, once more: the form has not changed.
    b.wait("the button", lambda: b.one("#send").get_attribute("aria-disabled") == "false")
    before, last = count(), newest()[0]["_id"]
    b.click("#send")
    finish(b.wait("the job", lambda: newest()[0]["_id"] if newest()[0]["_id"] != last else None))
    keys = [key for address, method,
            key in b.requests() if method == "POST" and address == base() + "/export"]
    is_((count() - before, len(set(keys[-5:])), len(set(keys))), (1, 1, len(keys) - 4),
        "a submission is sent again under its key until it is taken; each other one has its own")


def commands(b):
    name = "it's \"50%\" of $HOME `id` \\ -n"
    b.click("#reset")
    b.click("#vehicle-list input[value=%s]" % V2)
    b.click("[name=which][value=chosen]")
    b.click("#parameter-list input[value=speed]")
    b.type("#parameter-name", "-it's a \"name\"\n")
    b.pick("#every", "10s")
    b.pick("#format", "excel")
    b.pick("#compression", "small")
    b.type("#name", name)
    b.type("#start-time", "060000AM")
    b.type("#end-date", "11302018")
    b.type("#end-time", "063000AM")
    estimate_of(b)
    b.click("#commands summary")
    for which in ("curl", "exportctl"):
        b.click("#%s-copy" % which)
        b.wait("the copy", lambda: b.text("#%s-copy" % which) == "Copied")
        is_(b.script("navigator.clipboard.readText()"), b.value("#" + which),
            "%s is copied" % which)
    made = {}
    environment = {k: v for k, v in os.environ.items() if k != "EXPORT_URL"}
    environment["PATH"] = os.path.join(ROOT, "scripts") + ":" + environment["PATH"]
    for which in ("curl", "exportctl"):
        run = subprocess.run(["bash", "-c", b.value("#" + which)], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                             timeout=60, check=False, env=environment)
        if ok(run.returncode == 0, which + " runs", run.stderr + run.stdout):
            made[which] = finish(json.loads(run.stdout)["_id"] if which == "curl"
                                 else run.stdout.strip())
    b.click("#send")
    own = finish(b.wait("the job", lambda: newest()[0]["_id"]
                        if newest()[0]["_id"] not in [j["_id"] for j in made.values()] else None))
    is_(asked_for(own), {"startDate": "2018-11-30T06:00:00.000Z",
                         "endDate": "2018-11-30T06:30:00.000Z", "vehicles": [V2],
                         "parameters": ["speed", "-it's a \"name\""], "time": "local",
                         "timeZone": zone_of(b), "every": "10s", "take": "last", "hold": "0s",
                         "csv": "excel", "compression": "small",
                         "name": name}, "the form's job")
    for which, job in made.items():
        is_(asked_for(job), asked_for(own), "%s asks for the same" % which)


def hostile(b):
    b.click("#reset")
    b.type("#vehicle-search", "vehicle_<")
    b.wait("it in the list", lambda: "vehicle_<" in b.text("#vehicle-found"))
    b.click("#vehicle-list input")
    is_(b.one(".chip span").get_attribute("textContent"), HOSTILE_VEHICLE,
        "a vehicle whose name is markup is a chip of that text")
    b.click("[name=which][value=chosen]")
    b.wait("its parameter", lambda: b.one("#parameter-list label").get_attribute(
        "textContent").strip() == HOSTILE_PARAMETER)
    b.click("#parameter-list input")
    b.type("#name", "<b>bold</b>")
    estimate_of(b)
    b.click("#send")
    ident = b.wait("the job",
                   lambda: newest()[0]["_id"] if newest()[0].get("name") == "<b>bold</b>" else None)
    finish(ident)
    card = b.wait("its end", lambda: b.card(ident) if b.card(ident).find_element(
        "css selector", ".state").text == "Finished" else None)
    b.click(card.find_element("tag name", "summary"))
    text = card.get_attribute("textContent")
    ok(HOSTILE_VEHICLE in text and HOSTILE_PARAMETER in text
       and card.find_element("tag name", "h3").text == "<b>bold</b>", "and so is its job", text)
    b.wait("the preview, or why there is none",
           lambda: "Loading" not in card.find_element("css selector", ".preview").text)
    is_([len(b.all("img")), len(b.all("main b, main script")),
         b.driver.execute_script("return typeof window.hostile")], [0, 0, "undefined"],
        "nothing of it became an element or ran")
    return ident


def deleted(b, ident):
    card = b.card(ident)
    b.click(b.button(card, "Delete result"))
    b.wait("the question", lambda: "Yes, delete it" in b.buttons(card))
    is_(card.find_element("css selector", ".question span").text,
        "Delete this result? It is removed within %d days; links that were given out work until "
        "they end." % (setting("retention_days", 7) + 2), "the question says what it does")
    b.click(b.button(card, "Yes, delete it"))
    b.wait("its end", lambda: card.find_element("css selector", ".state").text == "Expired")
    is_((job_of(ident)["state"], b.buttons(card)[0]), ("EXPIRED", "Retry"),
        "a result can be deleted; then it cannot be downloaded")


def listed(b, jobs):
    """More than two pages of jobs, newest first; by state."""
    from bson import ObjectId
    like = jobs.find_one({"state": "CANCELLED"})
    like.pop("idempotencyKey", None)
    moment = like["_id"].generation_time - datetime.timedelta(days=1)

    def old(i):
        made = ObjectId.from_datetime(moment + datetime.timedelta(seconds=i))
        return dict(like, _id=ObjectId(made.binary[:4] + b"%08d" % i), name="old %d" % i)
    jobs.insert_many([old(i) for i in range(30)])
    b.click("#refresh")
    b.wait("a page", lambda: b.one("#older").is_displayed() and len(b.all(".job")) == 20)
    seen = 20
    while b.one("#older").is_displayed():
        b.click("#older")
        seen = b.wait("the next page", lambda: len(b.all(".job")) > seen and len(b.all(".job")))
    want = [j["_id"] for j in newest(500)]
    got = [c.get_attribute("data-id") for c in b.all(".job")]
    is_(got, want, "all %d jobs, newest first" % len(want))
    b.pick("#filter", "FAILED")
    failed_ones = [j["_id"] for j in call("GET", "/export?state=FAILED").json()["exports"]]
    b.wait("the failed", lambda: len(b.all(".job")) == len(failed_ones))
    is_({c.find_element("css selector", ".state").text for c in b.all(".job")}, {"Failed"},
        "only those of a state")
    b.pick("#filter", "")
    b.wait("all", lambda: len(b.all(".job")) == 20)


def many(b, client):
    """A catalogue of more than one page is read page by page, and chosen ones are not all shown. No
    worker checks whether they exist."""
    stack("down", "worker")
    like = client.exports.vehicles.find_one({"_id": V1})
    client.exports.vehicles.insert_many([dict(like, _id="vehicle_m%02d" % i) for i in range(70)])
    b.click("#reset")
    b.type("#vehicle-search", "m")
    b.wait("a page", lambda: b.text(
        "#vehicle-found") == "The first 50 vehicles that begin with \u201cvehicle_m\u201d.")
    b.click("#vehicle-more")
    b.wait("the next",
           lambda: b.text("#vehicle-found") == "70 vehicles that begin with \u201cvehicle_m\u201d.")
    is_(len({x.get_attribute("value") for x in b.all("#vehicle-list input")}), 70,
        "70 vehicles in two pages")
    b.click("#vehicle-select")
    is_((b.text("#chips-title").replace("\u00a0", " "), len(b.all(".chip")),
         b.all("#chips li")[-1].text), ("70 vehicles chosen", 60, "and 10 more"),
        "all shown are chosen at once")
    asked = [urllib.parse.urlsplit(address) for address, _, _ in b.requests()]
    limits = [urllib.parse.parse_qs(u.query).get("limit") for u in asked if u.path == "/vehicles"]
    ok(limits and all(x == ["50"] for x in limits), "no request asked for more than a page", limits)


def by_keyboard(b):
    from selenium.webdriver.common.keys import Keys
    b.reload()
    b.click("#reset")
    b.driver.execute_script("document.activeElement.blur(); scrollTo(0, 0)")

    def tab_to(ident):
        for _ in range(80):
            b.active().send_keys(Keys.TAB)
            if b.active().get_attribute("id") == ident:
                return
        raise RuntimeError("no way to #%s by Tab" % ident)
    tab_to("vehicle-search")
    ring = b.driver.execute_script("const s = getComputedStyle(document.activeElement);"
                                   "return [s.outlineStyle, s.outlineWidth]")
    ok(ring[0] == "solid" and float(ring[1][:-2]) >= 2, "the focus is seen", ring)
    b.active().send_keys(V3 + Keys.ENTER)
    b.wait("the chip", lambda: chips(b) == [V3])
    tab_to("name")
    b.active().send_keys("By keyboard")
    estimate_of(b)
    tab_to("send")
    b.active().send_keys(Keys.ENTER)
    b.wait("the job",
           lambda: newest()[0].get("name") == "By keyboard" and b.active().text == "By keyboard")
    ident = newest()[0]["_id"]
    b.wait("its end",
           lambda: b.card(ident).find_element("css selector", ".state").text == "Finished")
    for _ in range(3):
        b.active().send_keys(Keys.TAB)
    is_(b.active().tag_name, "summary", "then download, delete, details by Tab")
    b.active().send_keys(Keys.ENTER)
    b.wait("the details",
           lambda: b.card(ident).find_element("css selector", ".facts").is_displayed())
    ok(newest()[0]["vehicles"] == [V3], "an export by keyboard only")


def accessible(b):
    """With as much on the page as there may be: a fault, an open question, open details, all kinds
    of jobs."""
    b.click("#paste summary")
    b.click("[name=which][value=chosen]")
    b.type("#vehicle-search", "vehicle_x9\n")
    b.wait("the unknown", lambda: b.text("#unknown"))
    b.type("#end-date", "11292018")
    if not b.one("#curl").is_displayed():
        b.click("#commands summary")
    finished = next(c for c in b.all(".job") if "Delete result" in b.buttons(c)
                    and not c.find_element("css selector", ".facts").is_displayed())
    b.click(b.button(finished, "Delete result"))

    def judged(name):
        is_(b.axe(), [], "axe-core finds nothing: " + name)
    judged("light")
    b.cdp("Emulation.setEmulatedMedia",
          features=[{"name": "prefers-color-scheme", "value": "dark"}])
    judged("dark")
    b.screenshot("dark")
    b.cdp("Emulation.setEmulatedMedia", features=[])
    for width in (360, 320):
        b.cdp("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1,
              mobile=True)
        if width == 360:
            judged("360 px")
            b.screenshot("narrow")
        is_(b.driver.execute_script("return [document.documentElement.scrollWidth, innerWidth]"),
            [width, width], "%d px without sideways scrolling" % width)
    b.cdp("Emulation.clearDeviceMetricsOverride")


def afterwards(b, jobs):
    is_(b.wrongs(), [],
        "no violation of the policy, no error on the console, none uncaught")
    ours, store = (urllib.parse.urlsplit(x).netloc for x in (base(), os.environ["S3_ENDPOINT"]))
    asked = [urllib.parse.urlsplit(address) for address, _, _ in b.requests()]
    others = [u for u in asked if u.netloc != ours
              and u.scheme not in ("data", "about", "chrome", "chrome-untrusted")]
    ok(others and all(u.netloc == store and "X-Amz-Signature" in u.query for u in others),
       "nothing was asked of anybody else but by a signed link", [u[:3] for u in others])
    ok(len(b.requests()) > 100, "what was asked was seen", len(b.requests()))
    note("refusals on the way: %d" % len(b.refused()))
    is_(jobs.count_documents({"state": {"$nin": FINAL}}), 0, "no job is left unfinished")


def pictured(b, name, f, *args):
    """section(), with a picture of what went wrong."""
    def shown():
        try:
            return f(b, *args)
        except Exception:
            b.screenshot("failed-" + name.replace(" ", "-"))
            raise
    return section(name, shown)


def main():
    under_stack(__file__, own=True)
    client = mongo()
    jobs = jobs_of(client)
    generate("--vehicles", "3", "--days", "1")
    client[HOSTILE_VEHICLE][HOSTILE_PARAMETER].insert_one({"_id": START, "values": {"7": 1}})
    wait_for("the catalogue", lambda: len(call("GET", "/vehicles").json()["vehicles"]) == 4, 60)
    note("of %s" % base())
    with tempfile.TemporaryDirectory(prefix="export-page.", dir=os.environ["EXPORT_RUN"]) as folder:
        b = Browser(folder)
        try:
            section("served", served)
            b.open()
            pictured(b, "modules", modules)
            ident = pictured(b, "compose", compose)
            if ident:
                pictured(b, "watched", watched, ident)
                pictured(b, "downloaded", downloaded, ident)
                pictured(b, "previewed", previewed, ident)
                b.screenshot("finished")
            for name, f in (("refusals", refusals), ("remembered", remembered), ("pasted", pasted),
                            ("failed", failed), ("parquet", parquet)):
                pictured(b, name, f)
            waits = pictured(b, "cancelled", cancelled)
            if waits:
                ended, polls, waiting = waits
                pictured(b, "trouble", trouble, waiting)
                pictured(b, "hidden", hidden, waiting, ended, polls)
            pictured(b, "commands", commands)
            spare = pictured(b, "hostile", hostile)
            if spare:
                pictured(b, "deleted", deleted, spare)
            pictured(b, "by keyboard", by_keyboard)
            pictured(b, "accessible", accessible)
            pictured(b, "listed", listed, jobs)
            pictured(b, "many", many, client)
            pictured(b, "afterwards", afterwards, jobs)
        finally:
            b.close()
        section("paced", paced, os.path.join(folder, "paced"))
        section("prefixed", prefixed, os.path.join(folder, "prefixed"))
    return done()


if __name__ == "__main__":
    if os.environ.get("WITH_STACK") != os.path.abspath(__file__):
        needed()
    sys.exit(main())
