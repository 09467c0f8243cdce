"""Reads mails with Python's email package: one JSON string of a raw mail on each line of standard input,
one JSON object of what is in it on each line of standard output. Defects are errors."""

import json
import sys
from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime

for line in sys.stdin:
    raw = json.loads(line).encode("latin-1")
    # Other characters are in encoded words (RFC 2047).
    raw.partition(b"\r\n\r\n")[0].decode("ascii")
    message = message_from_bytes(raw, policy=policy.default)
    parts = list(message.walk())
    defects = [str(defect) for part in parts for defect in part.defects]
    assert not defects, defects
    print(
        json.dumps(
            {
                "headers": [[name.lower(), str(value)] for name, value in message.items()],
                "type": message.get_content_type(),
                "parts": [
                    [part.get_content_type(), part.get_content_charset()] for part in parts[1:]
                ],
                "date": int(parsedate_to_datetime(message["date"]).timestamp()),
                "text": message.get_body(("plain",)).get_content().replace("\r\n", "\n"),
                "html": message.get_body(("html",)).get_content().replace("\r\n", "\n"),
            }
        )
    )
