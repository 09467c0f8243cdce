"""A mail server for tests: aiosmtpd, with what mail servers do wrong.

Arguments, in any order: starttls | implicit (with --cert FILE --key FILE), auth (user "post", password
"s3cret"), and a scenario as below. Prints {"port": N}, then a line of JSON for each event. Reads commands
from standard input, one a line, and answers each by {"did": command}:

  accept            everything
  greylist N        450 to the next N RCPT, then accept
  refuse            550 to RCPT, repeating the address as real servers do
  refuse-data       554 to the end of DATA
  cut N             closes the connection in the middle of the next N DATA
  refuse-auth       535 to AUTH
  close             421 to the next MAIL, as for a connection that was idle for too long
"""

import argparse
import asyncio
import json
import logging
import ssl
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult

parser = argparse.ArgumentParser()
parser.add_argument("what", nargs="*")
parser.add_argument("--cert")
parser.add_argument("--key")
parser.add_argument("--port", type=int, default=0)
options = parser.parse_args()

# What a test does wrong on purpose is no news.
logging.disable()
warnings.simplefilter("ignore")

scenario = ["accept", 0]
connections = {"now": 0, "most": 0, "all": 0}


def say(**event):
    print(json.dumps(event), flush=True)


def choose(line):
    words = line.split()
    scenario[:] = [words[0], int(words[1]) if len(words) > 1 else 0]


def spend(name):
    if scenario[0] != name or scenario[1] == 0:
        return False
    scenario[1] -= 1
    return True


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, mail_options):
        if scenario[0] == "close":
            scenario[0] = "accept"
            return "421 idle for too long"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        say(event="rcpt", to=address)
        if spend("greylist"):
            return f"450 4.2.0 <{address}>: greylisted, try again"
        if scenario[0] == "refuse":
            return f"550 5.1.1 <{address}>: no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if scenario[0] == "refuse-data":
            return "554 5.7.1 looks like spam"
        say(
            event="mail",
            sender=envelope.mail_from,
            to=envelope.rcpt_tos,
            content=envelope.content.decode("latin-1"),
            tls=server.transport.get_extra_info("ssl_object") is not None,
            user=(session.auth_data or b"").decode(),
            hello=session.host_name,
        )
        return "250 2.0.0 queued as 4711"


def authenticate(server, session, envelope, mechanism, data):
    right = data.login == b"post" and data.password == b"s3cret" and scenario[0] != "refuse-auth"
    say(event="auth", mechanism=mechanism, right=right)
    return AuthResult(success=right, handled=False, auth_data=data.login)


class Server(SMTP):
    def connection_made(self, transport):
        if self.transport is None:
            connections["all"] += 1
            connections["now"] += 1
            connections["most"] = max(connections["most"], connections["now"])
        super().connection_made(transport)

    def connection_lost(self, error):
        connections["now"] -= 1
        super().connection_lost(error)

    async def smtp_DATA(self, arg):
        if spend("cut"):
            await self.push("354 go on")
            while line := (await self._reader.readline()).decode("latin-1").strip():
                if line.lower().startswith("message-id:"):
                    say(event="cut", id=line.split()[1])
            self.transport.abort()
            return
        await super().smtp_DATA(arg)

    async def smtp_QUIT(self, arg):
        say(event="quit")
        await super().smtp_QUIT(arg)


def server():
    tls = None
    if "starttls" in options.what:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options.cert, options.key)
    return Server(
        Handler(),
        hostname="mail.test",
        tls_context=tls,
        authenticator=authenticate if "auth" in options.what else None,
        auth_required="auth" in options.what,
        auth_require_tls=tls is not None,
    )


async def commands():
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := (await reader.readline()).decode().strip():
        if line == "connections":
            say(event="connections", **connections)
            continue
        choose(line)
        say(did=line)


async def main():
    implicit = None
    if "implicit" in options.what:
        implicit = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        implicit.load_cert_chain(options.cert, options.key)
    listening = await asyncio.get_running_loop().create_server(
        server, "127.0.0.1", options.port, ssl=implicit
    )
    say(port=listening.sockets[0].getsockname()[1])
    # Ends with its standard input, and so with the test.
    await commands()


asyncio.run(main())
