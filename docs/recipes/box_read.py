#!/usr/bin/env python3
"""Reads a box with its private key: opened here, the server hands out ciphertext.

    python3 box_read.py SERVER TOKEN KEY.pem [FOLDER]

KEY.pem is the box's encrypted private key. Its passphrase is taken from the environment (PASSPHRASE) or
asked for. Texts go to standard output, a line each or more; files into FOLDER, the present one if none is
named, never over another file. Needs the package `cryptography`.
"""

import base64
import getpass
import hashlib
import io
import json
import os
import sys
import urllib.error
import urllib.request
import zlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK = 64 * 1024 + 16  # bytes that are opened at once: 64 KiB and a tag
PAGE = 50  # messages that are asked for at once
MAX_TEXT = 64 << 20
MAX_FILE = 4 << 30  # a few KiB can hold gigabytes of zeros
MAX_ABOUT = 16 << 10
OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


def open_chunks(key, sealed):
    """The gzip stream in an envelope. Only when it has ended without an error was it all there."""
    aes, prefix, number = AESGCM(key), sealed.read(7), 0
    chunk = sealed.read(CHUNK)
    while True:
        ahead = sealed.read(CHUNK)
        nonce = prefix + number.to_bytes(4, "big") + (b"\x00" if ahead else b"\x01")
        yield aes.decrypt(nonce, chunk, None)
        if not ahead:
            return
        chunk, number = ahead, number + 1


def gunzip(pieces, limit):
    """What is in a gzip stream, piece by piece, `limit` bytes at most."""
    stream = zlib.decompressobj(wbits=31)
    for piece in pieces:
        while piece:
            plain = stream.decompress(piece, 1 << 20)
            piece = stream.unconsumed_tail
            limit -= len(plain)
            if limit < 0:
                raise ValueError("it holds more than is allowed")
            yield plain
    yield stream.flush()
    if not stream.eof or stream.unused_data:
        raise ValueError("it is no whole gzip stream")


def open_envelope(key, sealed, limit):
    return gunzip(open_chunks(key, sealed), limit)


def open_bytes(key, sealed, limit):
    return b"".join(open_envelope(key, io.BytesIO(sealed), limit))


class Box:
    """A box, and the private key that opens it."""

    def __init__(self, server, token, private_key):
        der = private_key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self.url = server.rstrip("/") + "/Service"
        self.private_key = private_key
        # In headers: addresses end up in logs.
        self.headers = {"token": token, "privatekeyhash": hashlib.sha256(der).hexdigest()}

    def messages(self):
        """All messages, oldest first. A file has to be fetched before the next one is asked for."""
        since = 0
        while True:
            request = urllib.request.Request(
                f"{self.url}?since={since}&limit={PAGE}", headers=self.headers
            )
            try:
                with urllib.request.urlopen(request) as response:
                    page = json.load(response)
            except urllib.error.HTTPError as error:
                # 304: no more. 400 after a first page: the box was to go when all was read.
                if error.code == 304 or (error.code == 400 and since > 0):
                    return
                sys.exit(f"{error.code}: {error.read().decode()}")
            except urllib.error.URLError as error:
                sys.exit(f"{self.url}: {error.reason}")
            yield from page
            if len(page) < PAGE:
                return
            since = page[-1]["MessageId"]

    def key_of(self, message):
        return self.private_key.decrypt(base64.b64decode(message["EncryptionKey"]), OAEP)

    def text(self, message):
        sealed = base64.b64decode(message["MessageData"])
        return open_bytes(self.key_of(message), sealed, MAX_TEXT).decode()

    def save(self, message, folder):
        key = self.key_of(message)
        try:
            about = json.loads(open_bytes(key, base64.b64decode(message["FileName"]), MAX_ABOUT))
        except (InvalidTag, ValueError, zlib.error):
            about = {"name": message["FileName"]}  # the sender left it in plain text
        with urllib.request.urlopen(f"{self.url}/File/{message['TemporaryDownloadId']}") as sealed:
            return save(folder, about["name"], open_envelope(key, sealed, MAX_FILE))


def safe_name(name):
    """A file name without folders, and without what changes how it looks or hides it."""
    name = name.replace("\\", "/").rpartition("/")[2]
    name = "".join(c if c.isprintable() and c not in '<>:"|?*' else "_" for c in name)
    name = name.encode(errors="replace")[:200].decode(errors="ignore")
    return name.strip(" .") or "file"


def save(folder, name, pieces):
    """Writes a new file; whole, or not at all. Returns its path."""
    base, extension = os.path.splitext(safe_name(name))
    for attempt in range(1000):
        suffix = f" ({attempt})" if attempt else ""
        path = os.path.join(folder, f"{base}{suffix}{extension}")
        try:
            file = open(path, "xb")
        except FileExistsError:
            continue
        try:
            with file:
                for piece in pieces:
                    file.write(piece)
        except BaseException:
            os.unlink(path)
            raise
        return path
    raise OSError(f"there are too many files with the name {name}")


def harmless(text):
    """What is shown on a terminal must not control it."""
    if not sys.stdout.isatty():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    server, token, key_file, folder = (sys.argv[1:] + ["."])[:4]
    passphrase = os.environ.get("PASSPHRASE") or getpass.getpass("Passphrase: ")
    with open(key_file, "rb") as file:
        pem = file.read()
    try:
        private_key = serialization.load_pem_private_key(pem, passphrase.encode())
    except ValueError:
        sys.exit("The passphrase is wrong, or this is no private key.")
    box, failed = Box(server, token, private_key), 0
    for message in box.messages():
        try:
            if message["IsFile"]:
                print("saved", box.save(message, folder), file=sys.stderr)
            else:
                print(harmless(box.text(message)))
        except (InvalidTag, ValueError, KeyError, TypeError, OSError, zlib.error) as error:
            print(f"message {message['MessageId']} does not open: {error!r}", file=sys.stderr)
            failed += 1
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
