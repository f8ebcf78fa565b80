# SPDX-License-Identifier: Apache-2.0
"""A small S3-compatible store for tests, in memory. It takes a request only when its signature (AWS
Signature Version 4, header form) and the hash of its body are right, worked out here anew, and can be
told to misbehave."""

import hashlib
import hmac
import os
import re
import ssl
import threading
import time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

ACCESS, SECRET, REGION = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "eu-west-3"
SKEW_S = 900


def signature(secret, region, method, path, query, headers, signed, stamp):
    """The signature of a request (AWS, "Signature Calculations for the Authorization Header")."""
    lines = [method, path, query]
    lines += [f"{name}:{' '.join(headers[name].split())}" for name in signed]
    lines += ["", ";".join(signed), headers["x-amz-content-sha256"]]
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope,
                      hashlib.sha256("\n".join(lines).encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def fault(word, status=403):
    body = (f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{word}</Code><Message>no</Message>'
            "</Error>").encode()
    return status, {"Content-Type": "application/xml"}, body


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "bucket"

    def log_message(self, *_):
        pass

    def refusal(self, body):
        """What is wrong with who asks: None when nothing is."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?"
                             r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})",
                             headers.get("authorization", ""))
        if not found:
            return fault("AccessDenied")
        access, day, region, names, given = found.groups()
        signed, stamp = names.split(";"), headers.get("x-amz-date", "")
        needed = {"host"} | {name for name in headers if name.startswith("x-amz-")}
        if not needed <= set(signed) or signed != sorted(signed) or stamp[:8] != day:
            return fault("AuthorizationHeaderMalformed", 400)
        if access != self.server.store.access:
            return fault("InvalidAccessKeyId")
        if region != self.server.store.region:
            return fault("AuthorizationHeaderMalformed", 400)
        when = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        if abs(when.timestamp() - time.time()) > SKEW_S:
            return fault("RequestTimeTooSkewed")
        at = urlsplit(self.path)
        right = signature(self.server.store.secret, region, self.command, at.path, at.query, headers,
                          signed, stamp)
        if right != given:
            return fault("SignatureDoesNotMatch")
        if hashlib.sha256(body).hexdigest() != headers["x-amz-content-sha256"]:
            return fault("XAmzContentSHA256Mismatch", 400)
        return None

    def handle_any(self):
        store = self.server.store
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        store.seen.append((self.command, self.path))
        answer = store.misbehave(self) if store.misbehave else None
        if answer == "hang up":
            self.close_connection = True
            return
        # The bucket is named in front of the host's name, or behind it.
        in_host = self.headers.get("Host", "").startswith(store.name + ".")
        path = f"/{store.name}{self.path}" if in_host else self.path
        answer = answer or self.refusal(body) or store.answer(self.command, path, body)
        if store.afterwards:
            store.afterwards(self)
        status, headers, content = answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers and status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_PUT = do_HEAD = do_DELETE = handle_any


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Somebody hangs up: that is part of the tests."""


class Bucket:
    """One bucket. objects: path → content. misbehave(handler) may give an answer instead of the right
    one, "hang up", or None; afterwards(handler) is called before an answer goes out."""

    def __init__(self, name="pictures", access=ACCESS, secret=SECRET, region=REGION, tls=None):
        self.name, self.access, self.secret, self.region = name, access, secret, region
        self.objects, self.seen = {}, []
        self.misbehave = self.afterwards = None
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.store = self
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def answer(self, method, path, body):
        bucket, _, key = path.lstrip("/").partition("/")
        if bucket != self.name or not key:
            return fault("NoSuchBucket", 404)
        content = body if method == "PUT" else self.objects.get(key, b"")
        etag = {"ETag": f'"{hashlib.md5(content).hexdigest()}"'}
        if method == "PUT":
            self.objects[key] = body
            return 200, etag, b""
        if method == "DELETE":
            self.objects.pop(key, None)
            return 204, {}, b""
        if key not in self.objects:
            return fault("NoSuchKey", 404)
        return 200, etag | {"Content-Length": str(len(content))}, content

    # ---- what a product needs to use it ------------------------------------------------------------

    def key_files(self, directory):
        """Files with the credentials, for the settings: (access key's, secret's)."""
        paths = []
        for name, text in (("s3.access", self.access), ("s3.secret", self.secret)):
            paths.append(os.path.join(directory, name))
            with open(os.open(paths[-1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
                      encoding="ascii") as file:
                file.write(text + "\n")
        return paths

    def settings(self, directory):
        access, secret = self.key_files(directory)
        return {"s3_endpoint": self.url, "s3_region": self.region, "s3_bucket": self.name,
                "s3_access_key_file": access, "s3_secret_key_file": secret}
