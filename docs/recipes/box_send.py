#!/usr/bin/env python3
"""Sends to a box what only its owner can open: encrypted here, the server sees ciphertext.

    python3 box_send.py SERVER TOKEN [FILE...] < message.txt

An empty message is not sent. Needs the package `cryptography`.
"""

import base64
import gzip
import hashlib
import io
import json
import mimetypes
import os
import secrets
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK = 64 * 1024  # bytes of plaintext that are sealed at once
OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


class Envelope:
    """Seals what is written to it, and writes that to `out`."""

    def __init__(self, out, key=None):
        self.key = key or secrets.token_bytes(32)
        self.prefix = secrets.token_bytes(7)
        self.number = 0
        self.chunk = b""
        self.out = out
        out.write(self.prefix)

    def write(self, data):
        self.chunk += data
        # A full chunk waits for more: it may be the last, which must not be empty after it.
        while len(self.chunk) > CHUNK:
            self.seal(self.chunk[:CHUNK], b"\x00")
            self.chunk = self.chunk[CHUNK:]
        return len(data)

    def flush(self):
        pass

    def finish(self):
        self.seal(self.chunk, b"\x01")

    def seal(self, chunk, is_last):
        nonce = self.prefix + self.number.to_bytes(4, "big") + is_last
        self.out.write(AESGCM(self.key).encrypt(nonce, chunk, None))
        self.number += 1


def seal(source, out, key=None):
    """Reads `source`, writes an envelope to `out`. Returns its key, a fresh one if none is given, and the
    SHA-256 of what was read."""
    envelope, digest = Envelope(out, key), hashlib.sha256()
    # Without a name or a time: who has the key needs neither.
    with gzip.GzipFile("", "wb", compresslevel=6, fileobj=envelope, mtime=0) as zipped:
        while data := source.read(CHUNK):
            digest.update(data)
            zipped.write(data)
    envelope.finish()
    return envelope.key, digest.hexdigest()


def sealed_name(path, sha256, key):
    """The name of a file, its type and its hash in an envelope, in base64."""
    about = {"name": os.path.basename(path), "sha256": sha256}
    if media_type := mimetypes.guess_type(path)[0]:
        about["type"] = media_type
    sealed = io.BytesIO()
    seal(io.BytesIO(json.dumps(about).encode()), sealed, key)
    return base64.b64encode(sealed.getvalue()).decode()


def call(method, url, headers=None, data=None):
    request = urllib.request.Request(url, data, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request) as response:
            return response.read()
    except urllib.error.HTTPError as error:
        sys.exit(f"{error.code}: {error.read().decode()}")
    except urllib.error.URLError as error:
        sys.exit(f"{url}: {error.reason}")


def send_message(server, token, wrap, message):
    sealed = io.BytesIO()
    key, _ = seal(io.BytesIO(message), sealed)
    encrypted = base64.b64encode(sealed.getvalue()).decode()
    form = {"token": token, "encryptedmessage": encrypted, "encryptionkey": wrap(key)}
    call("PUT", f"{server}/Service", data=urllib.parse.urlencode(form).encode())


def send_file(server, token, wrap, path):
    # The envelope goes to disk first, as its length has to be told; it is ciphertext already.
    with open(path, "rb") as source, tempfile.TemporaryFile() as sealed:
        key, sha256 = seal(source, sealed)
        name = sealed_name(path, sha256, key)
        boundary = secrets.token_hex(16)
        part = f'--{boundary}\r\nContent-Disposition: form-data; name='
        head = (
            f'{part}"token"\r\n\r\n{token}\r\n'
            f'{part}"encryptionkey"\r\n\r\n{wrap(key)}\r\n'
            f'{part}"encryptedfile"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        end = f"\r\n--{boundary}--\r\n".encode()
        length = len(head) + sealed.tell() + len(end)
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(length),
        }

        def body():
            sealed.seek(0)
            yield head
            while data := sealed.read(CHUNK):
                yield data
            yield end

        call("PUT", f"{server}/Service", headers, body())


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    server, token, *files = sys.argv[1:]
    server = server.rstrip("/")
    pem = call("GET", f"{server}/Service/{urllib.parse.quote(token, safe='')}/publickey?format=pem")
    public_key = serialization.load_pem_public_key(pem)

    def wrap(key):
        return base64.b64encode(public_key.encrypt(key, OAEP)).decode()

    if message := sys.stdin.buffer.read():
        send_message(server, token, wrap, message)
    for path in files:
        send_file(server, token, wrap, path)


if __name__ == "__main__":
    main()
