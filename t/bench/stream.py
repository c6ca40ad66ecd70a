"""The streaming export that a careful Python programmer writes: cursors, heapq.merge, csv, zipfile,
boto3.

    stream.py URI VEHICLE START END [BUCKET KEY]     ms; to S3, or with BUCKET left out into nowhere

What the worker is compared with. It reads only telemetry of the usual shape, and takes S3's
address from the environment.
"""
import csv
import datetime
import heapq
import io
import os
import sys
import zipfile

import pymongo

HOUR = 3600000
EPOCH = datetime.datetime(1970, 1, 1)
MS = datetime.timedelta(milliseconds=1)
PART = 8 << 20


class Upload(io.RawIOBase):
    """Parts of a multipart upload; without a bucket into nowhere."""

    def __init__(self, bucket, key):
        super().__init__()
        self.part, self.parts, self.at = bytearray(), [], 0
        if bucket:
            import boto3
            from botocore.config import Config
            self.s3 = boto3.client("s3", endpoint_url=os.environ["S3_ENDPOINT"],
                                   region_name="us-east-1",
                                   aws_access_key_id=os.environ["S3_ADMIN_KEY"],
                                   aws_secret_access_key=os.environ["S3_ADMIN_SECRET"],
                                   config=Config(s3={"addressing_style": "path"}))
            self.where = {"Bucket": bucket, "Key": key}
            self.where["UploadId"] = self.s3.create_multipart_upload(**self.where)["UploadId"]
        else:
            self.s3 = None

    def writable(self):
        return True

    def tell(self):
        return self.at

    def write(self, data):
        self.part += data
        self.at += len(data)
        if len(self.part) >= PART:
            self.send()
        return len(data)

    def send(self):
        if self.s3:
            n = len(self.parts) + 1
            etag = self.s3.upload_part(PartNumber=n, Body=bytes(self.part), **self.where)["ETag"]
            self.parts.append({"PartNumber": n, "ETag": etag})
        self.part.clear()

    def finish(self):
        self.send()
        if self.s3:
            self.s3.complete_multipart_upload(MultipartUpload={"Parts": self.parts}, **self.where)


def points(level, base):
    for key, value in level["values"].items():
        if isinstance(value, dict):
            yield from points(value, base + int(key))
        else:
            yield base + int(key), value


def time_of(document):
    ident = document["_id"]
    return (ident - EPOCH) // MS if isinstance(ident, datetime.datetime) else int(ident)


def column(collection, start, end, n):
    """(time, n, value), ascending."""
    def documents(low, high):
        return collection.find({"_id": {"$gt": low, "$lt": high}}, batch_size=24).sort("_id", 1)

    found = heapq.merge(documents(start - HOUR, end),
                        documents(EPOCH + (start - HOUR) * MS, EPOCH + end * MS), key=time_of)
    for document in found:
        for t, value in points(document, time_of(document)):
            if start <= t < end:
                yield t, n, value


def main(uri, vehicle, start, end, bucket=None, key=None):
    db = pymongo.MongoClient(uri)[vehicle]
    names = sorted(db.list_collection_names())
    upload = Upload(bucket, key)
    with zipfile.ZipFile(upload, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(vehicle
            + ".csv", "w", force_zip64=True) as raw:
        text = io.TextIOWrapper(io.BufferedWriter(raw, 1 << 16), encoding="ascii", newline="")
        out = csv.writer(text, lineterminator="\n")
        out.writerow(["time"] + names)
        row, last, rows = [""] * len(names), None, 0
        for t, n, value in heapq.merge(*(column(db[name], start, end, n) for n,
                                         name in enumerate(names))):
            if t != last:
                if last is not None:
                    out.writerow([last] + row)
                    rows += 1
                row, last = [""] * len(names), t
            row[n] = value
        if last is not None:
            out.writerow([last] + row)
            rows += 1
        text.flush()
        text.detach().detach()
    upload.finish()
    print(rows)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), *sys.argv[5:])
