#!/usr/bin/python3
"""S3 as other servers speak it: an ETag in any way that XML can write it, a bucket that wants a
checksum of each part, one of another region, one that wants encryption.

Prints TAP. Always on a stack of its own. A proxy between a worker and the stack's S3 server says
what these servers would, and all else is the real one's.
"""
import base64
import contextlib
import http.client
import os
import re
import sys
import urllib.parse
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import scripted                         # noqa: E402
from service import (                   # noqa: E402
    another_worker, call, create, differs, done, entries, fetch, finish, generate, is_,
    job_document, jobs_of, logged, mongo, ok, request, section, setting, under_stack, wait_for)

# Some 9 MB: a full part, and another.
BODY = request(days=10, vehicles=["vehicle_001"], compression="fast")
REGION = "eu-central-1"
ETAGS = {"a reference by name": "&quot;%s&quot;", "by number": "&#34;%s&#34;",
         "in hexadecimal": "&#x22;%s&#x22;", "CDATA": '<![CDATA["%s"]]>',
         "a comment": '"%s<!-- " -->"'}
ERROR = """<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>%s</Code><Message>%s</Message>%s</Error>"""


class Between(scripted.Handler):
    """server.refuses(handler, body): an answer (status, text), or None; server.says(data): the body
    of the answer to a Complete."""

    def serve(self):
        body = self.body()
        self.server.seen.append((self.command, self.path,
                                 {k.lower(): v for k, v in self.headers.items()}, body))
        refused = self.server.refuses(self, body)
        if refused:
            return self.answer(*refused, [("Content-Type", "application/xml")])
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream, timeout=60)
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            upstream.putheader(name, value)
        upstream.endheaders(body)
        reply = upstream.getresponse()
        data = reply.read()
        if self.command == "POST" and "uploadId=" in self.path:
            data = self.server.says(data)
        return self.answer(reply.status, data, reply.getheaders())

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = serve


@contextlib.contextmanager
def dialect(refuses=lambda *_: None, says=lambda data: data, **settings):
    """A worker whose S3 speaks so -> the requests that it has made."""
    with scripted.served(Between, refuses=refuses, says=says, seen=[],
                         upstream=urllib.parse.urlsplit(setting("s3_endpoint", "")).port) as server:
        with another_worker(s3_endpoint=server.url + "/", **settings):
            yield server.seen


def exported(name, **more):
    ident = create(BODY)
    is_(finish(ident)["state"], "FINISHED", name + ": FINISHED")
    is_(job_document(jobs_of(mongo()), ident)["attempts"], 1, name + ": at the first attempt")
    return fetch(ident, **more)


def etags(reference):
    for name, form in ETAGS.items():
        def says(data, form=form):
            text, n = re.subn(rb"<ETag>(.*?)</ETag>", lambda m: (
                "<ETag>%s</ETag>" % form % re.sub(r'&#34;|&quot;|"', "", m[1].decode())).encode(),
                              data)
            is_(n, 1, "ETag, %s: is said" % name)
            return text
        with dialect(says=says):
            is_(differs(exported("ETag, " + name)[1], reference), None, "ETag, " + name)


def with_prefix(reference):
    def says(data):
        text = re.sub(rb"<(/?)([A-Z])", rb"<\1s3:\2", data)
        return text.replace(b" xmlns=", b" xmlns:s3=") if b" xmlns=" in text else \
            re.sub(rb"<s3:([A-Za-z]+)>", rb'<s3:\1 xmlns:s3="urn:x">', text, count=1)
    with dialect(says=says):
        is_(differs(exported("a prefix")[1], reference), None, "elements with a prefix")


def checksums(reference):
    """As Amazon with Object Lock: each part has a checksum, which is right; Complete repeats it."""
    sums = {}

    def refuses(handler, body):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(handler.path).query))
        if handler.command == "PUT" and "partNumber" in query:
            said = handler.headers.get("x-amz-checksum-crc32")
            if said != base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode():
                return 400, ERROR % ("InvalidRequest", "Content-MD5 OR x-amz-checksum- HTTP header "
                                     "is required for Put Part requests with Object Lock "
                                     "parameters", "")
            sums[query["partNumber"]] = said
        return None

    with dialect(refuses) as seen:
        is_(differs(exported("Object Lock")[1], reference), None, "Object Lock: the archive")
    ok(len(sums) >= 2, "there are several parts", sums)
    begin = next(headers for method, path, headers, _ in seen
                 if method == "POST" and "?uploads" in path)
    is_(begin.get("x-amz-checksum-algorithm"), "CRC32", "the upload says which checksum")
    is_(begin.get("content-type"), "application/zip", "and what it is")
    complete = next(body for method, path, _, body in seen
                    if method == "POST" and "uploadId=" in path).decode()
    is_(dict(zip(re.findall("<PartNumber>(.*?)<", complete),
                 re.findall("<ChecksumCRC32>(.*?)<", complete))), sums,
        "Complete has the checksums of all parts")


def refused_by(name, wanted, code, refuses, **settings):
    """The job's attempt ends at once, for this reason; the worker's log has S3's words."""
    with dialect(refuses, **settings) as seen:
        ident = create(BODY)
        wait_for("the end of an attempt", lambda: "op=retry" in logged("another-worker"), 60)
        text = logged("another-worker")
        line = next((x for x in text.splitlines() if "op=s3_begin" in x), text)
        ok(wanted in line, "%s: the log says why" % name, line)
        ok("code=" + code in text, "%s: %s" % (name, code), text)
        call("DELETE", "/export/" + ident)
        finish(ident)
    return seen


def region():
    def refuses(handler, _):
        if "/%s/" % REGION in handler.headers.get("Authorization", ""):
            return None
        return 400, ERROR % ("AuthorizationHeaderMalformed", "The authorization header is "
                             "malformed; the region 'us-east-1' is wrong",
                             "<Region>%s</Region>" % REGION)
    refused_by("another region", "set s3_region = " + REGION, "storage_refused", refuses)


def words():
    refused_by("S3's words", "InvalidTag: It's said,\\x0a in a line", "storage_unavailable",
               lambda *_: (400, ERROR % ("InvalidTag", "It&apos;s said,&#10; in a line", "")))


def encryption():
    """What the configuration says goes with the upload, signed."""
    wanted = {"x-amz-server-side-encryption": "aws:kms",
              "x-amz-server-side-encryption-aws-kms-key-id": "alias/exports",
              "x-amz-storage-class": "STANDARD_IA"}
    seen = refused_by("encryption", "AccessDenied: by policy", "storage_refused",
                      lambda *_: (403, ERROR % ("AccessDenied", "by policy", "")),
                      s3_sse="aws:kms", s3_kms_key="alias/exports",
                      s3_storage_class="STANDARD_IA")
    headers = next(h for method, path, h, _ in seen if method == "POST" and "?uploads" in path)
    is_({k: headers.get(k) for k in wanted}, wanted, "s3_sse, s3_kms_key and s3_storage_class")
    signed = re.search("SignedHeaders=([^,]*)", headers["authorization"])[1].split(";")
    is_([k for k in wanted if k not in signed], [], "all are signed")


def content_type():
    """What the link gives is a ZIP by its type, too, from the stack's own server."""
    ident = create(request(vehicles=["vehicle_001"]))
    job = finish(ident)
    is_(job["state"], "FINISHED", "FINISHED")
    link = call("GET", "/export/" + ident).json()["exportUri"]
    is_(call("GET", link).headers.get("Content-Type"), "application/zip", "the link's Content-Type")
    ok(entries(fetch(ident)[1]), "it is one")


def main():
    under_stack(__file__, own=True)
    generate("--vehicles", "1", "--days", "10")
    ident = create(BODY)
    finish(ident)
    reference = fetch(ident)[1]
    section("etags", etags, reference)
    section("prefix", with_prefix, reference)
    section("checksums", checksums, reference)
    section("region", region)
    section("words", words)
    section("encryption", encryption)
    section("content type", content_type)
    return done()


if __name__ == "__main__":
    sys.exit(main())
