"""A Chromium for t/5000-page.t, on the page as nginx serves it, and axe-core, which judges whether
it is accessible.

    Browser(folder)     its profile and downloads go there; close() ends it and its driver
    b.open(at)          the page of the service, or of another address
    b.one(css), b.all(css), b.card(id)      elements
    b.text(css), b.value(css)               what is shown
    b.click(what), b.type(css, text), b.pick(css, value)    as a person does it; what is an element
                                            or a selector
    b.wait(what, probe)                     the first true result; finds elements again that were
                                            replaced meanwhile
    b.asked(path)                           [(start, end)] of this page's requests for it, ms
    b.evaluate(module, expression)          the value of an expression over a module of the page (m)
    b.script(expression)                    the value of a promise
    b.axe()                                 violations, as lines
    b.wrongs()                              what no page may do: a violation of the policy, an error
                                            on the console
    b.requests()                            [(address, method, idempotency key)] since the start

Where the browser is missing the test is skipped, or with EXPORT_TEST_ALL=1 fails; axe-core is
fetched then (pip, by hash).
"""
import base64
import json
import os
import subprocess

import pinned
from service import ROOT, base, skip_all, wait_for

REQUIREMENTS = os.path.join(ROOT, "t", "requirements", "page.txt")
TOOL = os.path.join(ROOT, "build", "page")
AXE = os.path.join(TOOL, "axe_playwright_python", "axe.min.js")
WAIT_S = 60
CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
ARGUMENTS = ["--headless=new", "--window-size=1280,1800", "--lang=en-US", "--disable-gpu",
             "--disable-dev-shm-usage", "--disable-background-networking",
             "--disable-component-update", "--no-first-run"]

# Before any script of the page: what the policy forbade, and uncaught errors.
WATCH = """
window.wrongs = [];
addEventListener("securitypolicyviolation",
	(e) => wrongs.push(e.violatedDirective + " " + e.blockedURI));
addEventListener("error", (e) => wrongs.push("error: " + e.message));
addEventListener("unhandledrejection", (e) => wrongs.push("unhandled: " + e.reason));
performance.setResourceTimingBufferSize(5000);
"""


def needed():
    """Before a stack is started for nothing."""
    try:
        import selenium                 # noqa: F401
    except ImportError as e:
        skip_all("%s; run scripts/deps" % e)
    for file in (CHROMIUM, DRIVER):
        if not os.path.exists(file):
            skip_all("%s; run scripts/deps" % file)
    try:
        pinned.install(TOOL, REQUIREMENTS)
    except (OSError, subprocess.SubprocessError) as e:
        skip_all("axe-core: %s" % e)


class Browser:
    def __init__(self, folder):
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        self.downloads = os.path.join(folder, "downloads")
        os.mkdir(self.downloads)
        for argument in ARGUMENTS + ["--no-sandbox"] * (os.geteuid() == 0):
            options.add_argument(argument)
        options.add_argument("--user-data-dir=" + os.path.join(folder, "profile"))
        options.add_experimental_option("prefs", {"download.default_directory": self.downloads,
                                                  "download.prompt_for_download": False})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        # Its temporary files, too, belong to the test.
        environment = dict(os.environ, TMPDIR=folder, HOME=folder, XDG_CONFIG_HOME=folder,
                           XDG_CACHE_HOME=folder)
        self.service = Service(DRIVER, env=environment,
                               log_path=os.path.join(folder, "chromedriver.log"))
        self.driver = webdriver.Chrome(service=self.service, options=options)
        self.driver.set_script_timeout(WAIT_S)
        self.driver.set_page_load_timeout(WAIT_S)
        self.cdp("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        self.cdp("Browser.grantPermissions", permissions=["clipboardReadWrite"], origin=base())
        self.console, self.network = [], []

    def close(self):
        self.driver.quit()

    def cdp(self, command, **arguments):
        return self.driver.execute_cdp_cmd(command, arguments)

    def open(self, at=None):
        self.driver.get((at or base()) + "/")
        self.ready()

    def reload(self):
        self.logs()
        self.driver.refresh()
        self.ready()

    def ready(self):
        """The form is filled when the presets are there."""
        self.wait("the page", lambda: self.all("#preset option") and self.driver.execute_script(
            "return document.readyState") == "complete")

    def all(self, css):
        return self.driver.find_elements("css selector", css)

    def one(self, css):
        return self.driver.find_element("css selector", css)

    def card(self, ident):
        return self.one(".job[data-id='%s']" % ident)

    def text(self, css):
        return self.wait(css, lambda: [self.one(css).text])[0]

    def value(self, css):
        return self.one(css).get_property("value")

    def click(self, what):
        node = self.one(what) if isinstance(what, str) else what
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", node)
        node.click()

    def button(self, node, text):
        """The visible button of this text."""
        return next(x for x in node.find_elements("tag name", "button") if x.is_displayed()
                    and x.text == text)

    def buttons(self, node):
        return [x.text for x in node.find_elements("tag name", "button") if x.is_displayed()
                and x.text]

    def type(self, css, text):
        self.one(css).send_keys(text)

    def pick(self, css, value):
        from selenium.webdriver.support.ui import Select
        Select(self.one(css)).select_by_value(value)

    def wait(self, what, probe, seconds=WAIT_S):
        from selenium.common import exceptions as e

        def quiet():
            try:
                return probe()
            except (e.NoSuchElementException, e.StaleElementReferenceException, StopIteration,
                    IndexError):
                return None
        return wait_for(what, quiet, seconds)

    def active(self):
        return self.driver.switch_to.active_element

    def asked(self, path):
        return self.driver.execute_script(
            "return performance.getEntriesByType('resource')"
            ".filter((e) => new URL(e.name).pathname === arguments[0])"
            ".map((e) => [e.startTime, e.responseEnd])", path)

    def script(self, expression):
        got = self.driver.execute_async_script(
            "const done = arguments[0];"
            "(%s).then((x) => done({x}), (e) => done({e: String(e)}))" % expression)
        if "e" in got:
            raise RuntimeError("%s: %s" % (expression, got["e"]))
        return got["x"]

    def evaluate(self, module, expression):
        # In the text, not by Function(): the policy forbids that.
        return self.script("import('/%s').then((m) => (%s))" % (module, expression))

    def axe(self):
        with open(AXE, encoding="utf-8") as f:
            self.driver.execute_script(f.read())
        got = self.script("axe.run(document)")
        if len(got["passes"]) < 20:
            raise RuntimeError("axe did not look: %s" % str(got)[:300])
        return ["%s: %s: %s" % (v["id"], v["help"], v["nodes"][0]["html"][:200])
                for v in got["violations"]]

    def logs(self):
        """Of this document, before it goes, and of the browser."""
        self.console += [(e["source"], e["message"]) for e in self.driver.get_log("browser")
                         if e["level"] in ("SEVERE", "WARNING")]
        self.console += [("page", w) for w in self.driver.execute_script("return window.wrongs")]
        self.driver.execute_script("window.wrongs = []")
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                request = message["params"]["request"]
                self.network.append((request["url"], request["method"],
                                     request["headers"].get("Idempotency-Key")))

    def wrongs(self):
        """Without the refusals that a test provoked: Chromium reports them as errors of the
        network: a status, of this service."""
        self.logs()
        return [(source, text) for source, text in self.console if not (
            source == "network" and text.startswith(base() + "/")
            and "responded with a status of" in text)]

    def refused(self):
        return [text for source, text in self.console if source == "network"]

    def requests(self):
        self.logs()
        return self.network

    def screenshot(self, name):
        """All of the page, however long."""
        folder = os.path.join(ROOT, "build", "screenshots")
        os.makedirs(folder, exist_ok=True)
        width, height = self.driver.execute_script(
            "return [innerWidth, document.documentElement.scrollHeight]")
        got = self.cdp("Page.captureScreenshot", captureBeyondViewport=True,
                       clip={"x": 0, "y": 0, "width": width, "height": height, "scale": 1})
        with open(os.path.join(folder, name + ".png"), "wb") as f:
            f.write(base64.b64decode(got["data"]))
