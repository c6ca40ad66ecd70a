"""An nginx of a test's own before the stack's handlers: nginx/export.conf as it is, and a site's
choices, those that nginx/export-site.conf has prepared among them.

    shipped(line, ...)      these commented lines of nginx/export-site.conf, active
    Site(name, number, lines).start() ... end()
                            with these lines in its export-site.conf; number: of its port
    write_users(site, (name, password), ...)
                            adds them as nginx/export-site.conf says
"""
import base64
import http.client
import os
import shutil
import socket
import subprocess

from service import NGINX_HEAD, ROOT, Answer, wait_for

NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
SHARE = "/usr/local/share/telemetry-export/nginx"
NGINX_CONF = NGINX_HEAD + """include "%s/nginx/export.conf";
}
"""


def shipped(*lines):
    """These commented lines of nginx/export-site.conf, active, with the tree's own files."""
    with open(ROOT + "/nginx/export-site.conf", encoding="utf-8") as f:
        text = f.read()
    for line in lines:
        if "#" + line not in text:
            raise RuntimeError("nginx/export-site.conf has no line #" + line)
    return [line.replace(SHARE, ROOT + "/nginx") for line in lines]


LOGGED = [line.replace("/var/log/nginx/export.log", "access.log")
          for line in shipped("access_log /var/log/nginx/export.log export;")]


class Site:
    """nginx in a folder of its own, in front of the FastCGI socket api; ends with the test."""

    def __init__(self, name, number, lines, tls=False, api=os.environ.get("API_SOCKET")):
        self.folder = os.path.join(os.environ["EXPORT_RUN"], "front-" + name)
        self.port = int(os.environ["EXPORT_PORTS"]) + 5 + number
        os.makedirs(self.folder + "/export")
        self.write("nginx.conf", NGINX_CONF % ("user root;\n" if os.getuid() == 0 else "", ROOT))
        self.write("export-upstream.conf", "".join(
            "upstream export_%s { server unix:%s; }\n" % pair
            for pair in (("api", api), ("probe", os.environ.get("PROBE_SOCKET")))))
        listen = "listen 127.0.0.1:%d%s;" % (self.port, " ssl http2" if tls else "")
        # Inner listener: its own address.
        site = [listen, listen.replace(".1:", ".2:"),
                "set $export_inner 127.0.0.1:%d;" % self.port, "server_name localhost;",
                "root %s/nginx/www;" % ROOT, *lines, ""]
        self.write("export-site.conf", "\n".join(site))
        self.process = None

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as f:
            f.write(text)

    def start(self):
        self.process = subprocess.Popen([NGINX, "-p", self.folder + "/", "-e", "error.log", "-c",
                                         "nginx.conf"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        text=True)
        wait_for("nginx", self.listens, 20)
        return self

    def listens(self):
        if self.process.poll() is not None:
            raise RuntimeError("nginx: " + self.process.stderr.read())
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def end(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)

    def call(self, method, path, body=None, headers=None, user=None, tls=None, to="127.0.0.1",
             source="127.0.0.1"):
        headers = dict({"Host": "localhost:%d" % self.port}, **(headers or {}))
        if user is not None:
            word = base64.b64encode(("%s:%s" % user).encode()).decode()
            headers["Authorization"] = "Basic " + word
        if tls is None:
            c = http.client.HTTPConnection(to, self.port, timeout=30,
                                           source_address=(source, 0))
        else:
            c = http.client.HTTPSConnection("localhost", self.port, timeout=30, context=tls)
        try:
            c.request(method, path, body, headers)
            got = c.getresponse()
            return Answer(got.status, got.headers, got.read())
        finally:
            c.close()


def write_users(site, *users):
    """As nginx/export-site.conf says."""
    with open(ROOT + "/nginx/export-site.conf", encoding="utf-8") as f:
        add = "\n".join(line[1:].strip() for line in f if "hash" in line and "=$" in line or
                        line.startswith("#   printf '%s:{"))
    add = add.replace("/etc/nginx/", site.folder + "/")
    for name, word in users:
        subprocess.run(["sh", "-ec", add.replace("NAME", name)], check=True,
                       env=dict(os.environ, password=word))
