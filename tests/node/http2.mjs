// A client of HTTP/2, Node's own: node http2.mjs BASE CA CASE [ARGUMENT…]. Prints one line of JSON.

import { readFileSync } from "node:fs";
import * as http2 from "node:http2";

const [base, ca, name, ...rest] = process.argv.slice(2);

/** @param {http2.ClientSessionOptions | http2.SecureClientSessionOptions} [options] */
function connect(options = {}) {
  const session = http2.connect(base, { ca: readFileSync(ca), ...options });
  // A session that the server ends is a result, and each request tells of it.
  session.on("error", () => {});
  return session;
}

/**
 * Sends a request. Resolves to the status and the body's length, or to the error.
 * @param {http2.ClientHttp2Session} session
 * @param {http2.OutgoingHttpHeaders} headers
 * @param {Buffer} [body]
 */
function ask(session, headers, body) {
  return new Promise((resolve) => {
    const stream = session.request(headers, { endStream: !body });
    let status = 0;
    let bytes = 0;
    stream.on("response", (head) => (status = Number(head[":status"])));
    stream.on("data", (piece) => (bytes += piece.length));
    stream.on("end", () => resolve({ status, bytes }));
    stream.on("error", (error) => resolve({ error: String(error) }));
    stream.on("close", () => resolve({ status, bytes, closed: true }));
    if (body) stream.end(body);
  });
}

/**
 * Resolves once the server has ended the session, or said that it will.
 * @param {http2.ClientHttp2Session} session
 */
function closed(session) {
  return new Promise((resolve) => {
    for (const event of ["close", "error", "goaway"]) session.on(event, () => resolve(true));
  });
}

/** @type {Record<string, (...rest: string[]) => Promise<unknown>>} */
const cases = {
  // How many of N views at once, on a few connections, get the secret.
  async race(path, key, count) {
    const sessions = [0, 1, 2].map(() => connect());
    const asked = Array.from({ length: Number(count) }, (_, at) =>
      ask(sessions[at % sessions.length], { ":path": path, authorization: `ApiKey ${key}` }),
    );
    const answers = await Promise.all(asked);
    sessions.forEach((session) => session.close());
    return answers.map((answer) => answer.status);
  },

  // The statuses of requests in a row on one connection: METHOD PATH pairs.
  async statuses(...pairs) {
    const session = connect();
    const statuses = [];
    for (let at = 0; at < pairs.length; at += 2) {
      const answer = await ask(session, { ":method": pairs[at], ":path": pairs[at + 1] });
      statuses.push(answer.status);
    }
    session.close();
    return statuses;
  },

  // A request whose Host says something else than its :authority.
  async hosts() {
    const session = connect();
    const other = await ask(session, {
      ":path": "/health",
      ":authority": new URL(base).host,
      host: "other.example",
    });
    session.close();
    return other.status;
  },

  // The most streams that the server allows.
  async streams() {
    const session = connect();
    await new Promise((resolve) => session.once("remoteSettings", resolve));
    const most = session.remoteSettings.maxConcurrentStreams;
    session.close();
    return most;
  },

  // Takes requests back before their bodies are complete, until the server ends the connection: how many it took.
  async resets(key, most) {
    const session = connect();
    const headers = {
      ":path": "/api/secrets",
      ":method": "POST",
      "content-type": "application/json",
      authorization: `ApiKey ${key}`,
    };
    const end = closed(session);
    await ask(session, { ":path": "/health" });
    let sent = 0;
    while (sent < Number(most) && !session.closed && !session.destroyed) {
      const stream = session.request(headers, { endStream: false });
      stream.on("error", () => {});
      if (stream.pending) {
        const ready = new Promise((resolve) => stream.once("ready", resolve));
        await Promise.race([ready, end, after(20_000)]);
      }
      stream.close(http2.constants.NGHTTP2_CANCEL);
      sent += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const ended = session.closed || session.destroyed || (await Promise.race([end, after(20_000)]));
    return { sent, ended: Boolean(ended) };
  },

  // Asks for a page and takes nothing of it: whether the server ends the connection.
  async slow(path) {
    const session = connect({ settings: { initialWindowSize: 1 } });
    const end = closed(session);
    const stream = session.request({ ":path": path });
    stream.on("error", () => {});
    await new Promise((resolve) => stream.once("response", resolve));
    stream.pause();
    return Boolean(await Promise.race([end, after(60_000)]));
  },

  // Sends the bytes of a file as a body: the status, and how many bytes came back.
  async upload(path, file, token) {
    const session = connect();
    const headers = { ":method": "PUT", ":path": path, "upload-token": token };
    const answer = await ask(session, headers, readFileSync(file));
    session.close();
    return answer.status;
  },

  // A body that is refused before it is read leaves the connection usable.
  async refused(path) {
    const session = connect();
    const headers = { ":method": "POST", ":path": path, "content-type": "application/json" };
    // More would be too much for one session of Node's.
    const large = await ask(session, headers, Buffer.alloc(8 << 20, 32));
    const after = await ask(session, { ":path": "/health" });
    session.close();
    return [large.status ?? 0, after.status];
  },

  // What happens to a request under way, and to the connection, while the server stops: reads a line first.
  async stops() {
    const session = connect();
    await ask(session, { ":path": "/health" });
    const gone = new Promise((resolve) => session.once("goaway", () => resolve(true)));
    console.log("ready");
    return [await gone, await new Promise((resolve) => session.on("close", () => resolve(true)))];
  },
};

/** @param {number} milliseconds */
function after(milliseconds) {
  return new Promise((resolve) => setTimeout(() => resolve(false), milliseconds));
}

console.log(JSON.stringify(await cases[name](...rest)));
process.exit();
