"""A mail server for tests: aiosmtpd, with the errors of real mail servers.

Arguments, in any order: starttls | implicit (with --cert FILE --key FILE), auth (user "post", password
"s3cret", or a token by XOAUTH2 and OAUTHBEARER; --mechanisms says which are offered), slow (greets after five
seconds), and a scenario as below. Prints {"port": N}, then a line of JSON for each event. Reads commands
from standard input, one a line, and answers each by {"did": command}:

  accept            everything
  greylist N        450 to the next N RCPT, then accept
  refuse            550 to RCPT, repeating the address as real servers do
  refuse-data       554 to the end of DATA
  cut N             closes the connection in the middle of the next N DATA
  refuse-auth       535 to AUTH
  echo              535 to AUTH, repeating what was said
  token NAME        the token that is right from now on, "t0ken-1" at first
  close             421 to the next MAIL, as for a connection that was idle for too long
"""

import argparse
import asyncio
import base64
import json
import logging
import ssl
import sys
import warnings

from aiosmtpd.smtp import MISSING, SMTP, AuthResult, auth_mechanism

parser = argparse.ArgumentParser()
parser.add_argument("what", nargs="*")
parser.add_argument("--cert")
parser.add_argument("--key")
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--mechanisms", default="PLAIN LOGIN")
options = parser.parse_args()

# Errors that a test causes on purpose are not reported.
logging.disable()
warnings.simplefilter("ignore")

scenario = ["accept", 0]
token = ["t0ken-1"]
connections = {"now": 0, "most": 0, "all": 0}


def say(**event):
    print(json.dumps(event), flush=True)


def choose(line):
    words = line.split()
    if words[0] == "token":
        token[:] = words[1:]
        return
    scenario[:] = [words[0], int(words[1]) if len(words) > 1 else 0]


def spend(name):
    if scenario[0] != name or scenario[1] == 0:
        return False
    scenario[1] -= 1
    return True


async def token_login(server, args, mechanism, expected):
    """RFC 7628, and Google's description of XOAUTH2: reasons for a refusal come first, in JSON."""
    if len(args) == 1:
        said = await server.challenge_auth("")
        if said is MISSING:
            return AuthResult(success=False, handled=True)
    else:
        said = base64.b64decode(args[1])
    right = said.decode() == expected.replace("^A", "\x01")
    say(event="auth", mechanism=mechanism, right=right, lines=3 - len(args))
    if right:
        return AuthResult(success=True, auth_data=b"post")
    status = "400" if mechanism == "XOAUTH2" else "invalid_token"
    acknowledged = await server.challenge_auth(json.dumps({"status": status, "schemes": "Bearer"}))
    if acknowledged is MISSING:
        return AuthResult(success=False, handled=True)
    say(event="acknowledged", how=acknowledged.hex())
    return AuthResult(success=False, handled=False, message=refusal(said))


def refusal(said):
    if scenario[0] != "echo":
        return "535 5.7.8 no"
    text = said.decode().replace("\x01", " ").replace("\0", " ")
    return f"535 5.7.8 no: {text} {base64.b64encode(said).decode()}"


class Handler:
    async def auth_XOAUTH2(self, server, args):
        return await token_login(
            server, args, "XOAUTH2", f"user=post^Aauth=Bearer {token[0]}^A^A"
        )

    async def auth_OAUTHBEARER(self, server, args):
        port = server.transport.get_extra_info("sockname")[1]
        expected = f"n,a=post,^Ahost=localhost^Aport={port}^Aauth=Bearer {token[0]}^A^A"
        return await token_login(server, args, "OAUTHBEARER", expected)

    @auth_mechanism("CRAM-MD5")
    async def auth_cram_md5(self, server, args):
        return AuthResult(success=False)

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
    message = None if right else refusal(b"\0" + data.login + b"\0" + data.password)
    return AuthResult(success=right, handled=False, auth_data=data.login, message=message)


class Server(SMTP):
    # A line within AUTH (RFC 4954, 4.3).
    line_length_limit = 12288

    async def _handle_client(self):
        if "slow" in options.what:
            await asyncio.sleep(5)
        await super()._handle_client()

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
        auth_exclude_mechanism={"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER", "CRAM-MD5"}
        - set(options.mechanisms.split()),
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
