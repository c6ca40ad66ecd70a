#!/usr/bin/python3
"""The vectors of t/unit/sigv4.c: t/data/sigv4.py >t/data/sigv4.json

Signature Version 4 a second time, from the text of "Authenticating Requests" in the Amazon S3 API
Reference, with hmac and hashlib. The first five requests are the ones published there; their published
signatures are asserted, so that the derivation of the others is trustworthy. Where botocore
(python3-botocore) is at hand it has to agree on all of them, too.
"""
import hashlib
import hmac
import json
import sys
from datetime import datetime, timezone

EMPTY = hashlib.sha256(b"").hexdigest()
AWS = {"access": "AKIAIOSFODNN7EXAMPLE", "secret": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "region": "us-east-1"}
OURS = {"access": "EXPORTAPI", "secret": "p+q/r==~ \u00e9", "region": "eu-central-1"}
SESSION = dict(OURS, token="FwoGZXIvYXdzEDYaD+/w==" * 20)
HOST = "examplebucket.s3.amazonaws.com"
T = 1369353600000       # 20130524T000000Z
PLAIN = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def encode(text, slash):
    return "".join(chr(b) if b in PLAIN or (slash and b == 0x2f) else "%%%02X" % b for b in text.encode())


def canonical_query(pairs):
    return "&".join("%s=%s" % p for p in sorted((encode(k, False), encode(v, False)) for k, v in pairs))


def date_of(t_ms):
    return datetime.fromtimestamp(t_ms // 1000, timezone.utc).strftime("%Y%m%dT%H%M%SZ")


def sign(v, query, headers, payload):
    date = date_of(v["t_ms"])
    scope = "%s/%s/s3/aws4_request" % (date[:8], v["region"])
    headers = sorted(headers)
    signed = ";".join(k for k, _ in headers)
    canonical = "\n".join([v["method"], encode(v["path"], True), query,
                           "".join("%s:%s\n" % (k, x.strip()) for k, x in headers), signed, payload])
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + v["secret"]).encode()
    for part in (date[:8], v["region"], "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return signed, hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def authorization(name, published=None, key=AWS, method="GET", host=HOST, path="/", query=(), headers=(), payload=EMPTY, t_ms=T):
    v = dict(key, kind="authorization", name=name, method=method, host=host, path=path, query=query, t_ms=t_ms, payload=payload)
    token = [("x-amz-security-token", key["token"])] if "token" in key else []
    v["headers"] = sorted(list(headers) + token + [("x-amz-content-sha256", payload), ("x-amz-date", date_of(t_ms))])
    v["target"] = encode(path, True) + ("?" + canonical_query(query) if query else "")
    v["signed"], v["signature"] = sign(v, canonical_query(query), v["headers"] + [("host", host)], payload)
    v["credential"] = "%s/%s/%s/s3/aws4_request" % (v["access"], date_of(t_ms)[:8], v["region"])
    assert published in (None, v["signature"]), name
    return v


def presigned(name, published=None, key=AWS, scheme="https", method="GET", host=HOST, path="/", query=(), expires=300, t_ms=T):
    v = dict(key, kind="presigned", name=name, scheme=scheme, method=method, host=host, path=path, query=query, t_ms=t_ms, expires=expires)
    full = list(query) + [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", "%s/%s/%s/s3/aws4_request" % (v["access"], date_of(t_ms)[:8], v["region"])),
        ("X-Amz-Date", date_of(t_ms)), ("X-Amz-Expires", str(expires)), ("X-Amz-SignedHeaders", "host")]
    full += [("X-Amz-Security-Token", key["token"])] if "token" in key else []
    _, v["signature"] = sign(v, canonical_query(full), [("host", host)], "UNSIGNED-PAYLOAD")
    v["base"] = "%s://%s%s" % (scheme, host, encode(path, True))
    v["parameters"] = sorted(canonical_query(full).split("&") + ["X-Amz-Signature=" + v["signature"]])
    assert published in (None, v["signature"]), name
    return v


VECTORS = [
    # Amazon's own.
    authorization("GET object", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
                  path="/test.txt", headers=[("range", "bytes=0-9")]),
    authorization("PUT object", "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
                  method="PUT", path="/test$file.text", payload=hashlib.sha256(b"Welcome to Amazon S3.").hexdigest(),
                  headers=[("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")]),
    authorization("GET bucket lifecycle", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
                  query=[("lifecycle", "")]),
    authorization("list objects", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
                  query=[("max-keys", "2"), ("prefix", "J")]),
    presigned("presigned GET", "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
              path="/test.txt", expires=86400),
    # Ours: what this service sends.
    authorization("begin a multipart upload", key=OURS, method="POST", host="127.0.0.1:8333",
                  path="/exports/exports/5c00a0b1c2d3e4f5a6b7c8d9/3/export-5c00a0b1c2d3e4f5a6b7c8d9.zip", query=[("uploads", "")],
                  headers=[("content-type", "application/zip")], t_ms=1543536000999),
    authorization("upload a part", key=OURS, method="PUT", host="127.0.0.1:8333", path="/exports/a.zip",
                  query=[("partNumber", "10000"), ("uploadId", "a/b+c==~d e%20&f")],
                  payload=hashlib.sha256(b"part").hexdigest(), headers=[("content-length", "4")]),
    authorization("complete, an uploadId with everything", key=OURS, method="POST", host="s3.example.org", path="/b/k",
                  query=[("uploadId", "/+=?#&%:;,!*'()[]@$|\\\"<>{}^`")], payload=hashlib.sha256(b"<x/>").hexdigest()),
    authorization("abort", key=OURS, method="DELETE", host="s3.example.org", path="/b/k", query=[("uploadId", "2~x.y-z_0")],
                  t_ms=4102444799999),
    authorization("a key with a space", path="/a b/c  d.zip"),
    authorization("a key in UTF-8", path="/\u00e9\u20ac/\U0001f697.zip"),
    authorization("a key with plus, tilde, percent", path="/a+b~c%20d.zip"),
    authorization("a key of reserved bytes", path="/!\"#$&'()*,:;<=>?@[\\]^`{|}"),
    authorization("a key with empty and dotted segments", path="//a/./b/../c//"),
    authorization("the root", path="/"),
    authorization("a query out of order", query=[("z", "1"), ("a", "2"), ("M", "3"), ("aa", "4"), ("a-b", "5"), ("_", "6"), ("~", "7"), ("0", "8")]),
    authorization("a name twice", query=[("a", "2"), ("a", "1"), ("a", "10"), ("a", "")]),
    authorization("names ordered as they are encoded", query=[("a+", "1"), ("a", "2"), ("a ", "3"), ("aZ", "4"), ("a\u00e9", "5"), ("a~", "6")]),
    authorization("a query in UTF-8", query=[("prefix", "\u00fc \u20ac")]),
    authorization("a host with a port", host="localhost:9000", path="/x"),
    authorization("headers on both sides of host", path="/x", headers=[("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="), ("x-amz-acl", "private"), ("range", "bytes=5-")]),
    authorization("the first second of a day", path="/x", t_ms=1543536000000),
    authorization("the last ms of a day", path="/x", t_ms=1543535999999),
    presigned("a link", key=OURS, scheme="http", host="127.0.0.1:8333",
              path="/exports/exports/5c00a0b1c2d3e4f5a6b7c8d9/3/export-5c00a0b1c2d3e4f5a6b7c8d9.zip", t_ms=1543536000123),
    presigned("a link with a file name", key=OURS, scheme="https", host="s3.example.org", path="/exports/a.zip",
              query=[("response-content-disposition", "attachment; filename=\"M\u00fcnchen + 1~2.zip\"")]),
    presigned("a link with more parameters", query=[("response-content-type", "application/zip"), ("versionId", "a/b+c="), ("A", "1"), ("X-Amz-Meta", "m"), ("zz", "")], path="/x y"),
    presigned("a link of a second", path="/x", expires=1),
    presigned("a link of a week", path="/x", expires=604800),
    presigned("a link for HEAD", method="HEAD", path="/x"),
    # With a session token.
    authorization("a part, by a session", key=SESSION, method="PUT", host="127.0.0.1:8333", path="/exports/a.zip",
                  query=[("partNumber", "1"), ("uploadId", "u")], payload=hashlib.sha256(b"part").hexdigest(),
                  headers=[("x-amz-checksum-crc32", "AAAAAA==")]),
    presigned("a link by a session", key=SESSION, scheme="https", host="s3.example.org", path="/exports/a.zip",
              query=[("response-content-disposition", "attachment; filename=\"a.zip\"")]),
]


def agrees(v):
    """Whether botocore signs v the same. With a date header it drops x-amz-date, so that is not asked."""
    if "date" in dict(v.get("headers", ())):
        return True
    from botocore import auth, awsrequest, credentials
    date = date_of(v["t_ms"])
    at = datetime.fromtimestamp(v["t_ms"] // 1000, timezone.utc)

    class Fixed(datetime):
        @classmethod
        def utcnow(cls):
            return at.replace(tzinfo=None)

        @classmethod
        def now(cls, tz=None):
            return at if tz else at.replace(tzinfo=None)
    for module in (auth, sys.modules.get("botocore.compat")):
        if hasattr(module, "get_current_datetime"):
            module.get_current_datetime = lambda *a, **k: at.replace(tzinfo=None)
    auth.datetime = Fixed if not hasattr(auth.datetime, "datetime") else type("d", (), {"datetime": Fixed})
    key = credentials.Credentials(v["access"], v["secret"], v.get("token"))
    url = "%s://%s%s" % (v.get("scheme", "https"), v["host"], encode(v["path"], True))
    if v["query"]:
        url += "?" + "&".join("%s=%s" % (encode(k, False), encode(x, False)) for k, x in v["query"])
    request = awsrequest.AWSRequest(method=v["method"], url=url, headers=dict(v.get("headers", ())))
    if v["kind"] == "presigned":
        signer = auth.S3SigV4QueryAuth(key, "s3", v["region"], expires=v["expires"])
        signer.add_auth(request)
        return "X-Amz-Signature=" + v["signature"] in request.url
    request.headers["Host"] = v["host"]
    signer = auth.S3SigV4Auth(key, "s3", v["region"])
    signer.payload = lambda r: v["payload"]
    signer.add_auth(request)
    assert request.context["timestamp"] == date
    return v["signature"] in request.headers["Authorization"]


def main():
    try:
        import botocore     # noqa: F401
    except ImportError:
        print("without botocore", file=sys.stderr)
    else:
        for v in VECTORS:
            if not agrees(v):
                print("botocore differs: %s" % v["name"], file=sys.stderr)
    print("[\n" + ",\n".join(json.dumps(v, sort_keys=True) for v in VECTORS) + "\n]")


if __name__ == "__main__":
    main()
