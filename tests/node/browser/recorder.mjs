// Records everything that a browser sends to the servers, byte by byte: the browser connects through a proxy in
// front of each. It sees request lines, headers and bodies, of pages, workers, forms and beacons alike, so no
// list of them is needed. Values that must not leave the browser are planted; each is searched in every form
// that a script could send.
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";

/** Shorter values would be found by chance. */
const SHORTEST = 8;

/** Records the way to `servers`, an object of `{ url }`. */
export class Recorder {
  #connections = [];
  #planted = new Map();
  #rules = [];
  #addresses = new Map();

  /** `host` is another name of 127.0.0.1, which is recorded, too. */
  static async start(servers, host) {
    const recorder = new Recorder();
    for (const { url } of Object.values(servers)) await recorder.#lead(url, host);
    return recorder;
  }

  /** The rules of `--host-resolver-rules` that make Chromium connect through the proxies. */
  get rules() {
    return this.#rules.join(", ");
  }

  /** The address of the proxy in front of the server at `url`. */
  addressOf(url) {
    return this.#addresses.get(url);
  }

  /** Forgets everything, at the start of a flow. Open connections are still recorded. */
  begin() {
    for (const pieces of this.#connections) pieces.length = 0;
    this.#planted.clear();
  }

  /**
   * From now to the end of the flow, and in everything sent before: `value`, a text or bytes, must not leave.
   */
  plant(name, value) {
    const bytes = Buffer.from(value);
    assert.ok(bytes.length >= SHORTEST, `too short to be found: ${name}`);
    this.#planted.set(name, bytes);
  }

  /** Whether a value was sent, in any form. */
  hears(value) {
    return this.#places(Buffer.from(value)).length > 0;
  }

  /** The planted values that have left the browser: a line for each place. */
  leaks() {
    return [...this.#planted].flatMap(([name, bytes]) =>
      this.#places(bytes).map((place) => `${name} is in what the browser sends: ${place}`));
  }

  /** The number of bytes that have passed. */
  get size() {
    return this.#connections.flat().reduce((sum, { length }) => sum + length, 0);
  }

  #places(bytes) {
    const places = [];
    for (const pieces of this.#connections) {
      const sent = Buffer.concat(pieces);
      const [form, at] = forms(bytes).map(([form, needle]) => [form, sent.indexOf(needle)])
        .find(([, at]) => at >= 0) ?? [];
      if (form) places.push(`as ${form}, ${requestAt(sent, at)}`);
    }
    return places;
  }

  async #lead(url, host) {
    const target = new URL(url);
    const listener = createServer((client) => this.#carry(client, target));
    await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
    // The process ends after its flows.
    listener.unref();
    const { port } = listener.address();
    this.#addresses.set(url, `http://127.0.0.1:${port}`);
    for (const name of [target.hostname, host]) this.#rules.push(`MAP ${name}:${target.port} 127.0.0.1:${port}`);
  }

  #carry(client, target) {
    const pieces = [];
    this.#connections.push(pieces);
    const upstream = connect(Number(target.port), target.hostname);
    client.on("data", (bytes) => pieces.push(bytes));
    client.pipe(upstream);
    upstream.pipe(client);
    client.on("error", () => upstream.destroy()).on("close", () => upstream.destroy());
    // The server may answer and close before the end of a body. The browser gets the answer, and what it still
    // sends is recorded, too.
    const ended = () => {
      client.end();
      client.resume();
    };
    upstream.on("error", ended).on("close", ended);
  }
}

/** `[name, bytes]` of each form that bytes can have in a request. */
function forms(bytes) {
  const text = bytes.toString("utf8");
  const found = [["it is", bytes], ["hexadecimal", Buffer.from(bytes.toString("hex"))],
    ["HEXADECIMAL", Buffer.from(bytes.toString("hex").toUpperCase())]];
  if (Buffer.from(text).equals(bytes)) {
    const escaped = JSON.stringify(text).slice(1, -1);
    const ascii = escaped.replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
    const percent = encodeURIComponent(text);
    found.push(["JSON", Buffer.from(escaped)], ["JSON in ASCII", Buffer.from(ascii)],
      ["UTF-16", Buffer.from(text, "utf16le")], ["percent-encoded", Buffer.from(percent)],
      ["percent-encoded", Buffer.from(percent.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()))],
      ["percent-encoded twice", Buffer.from(encodeURIComponent(percent))],
      ["a form's field", Buffer.from(new URLSearchParams({ "": text }).toString().slice(1))],
      ["base64 of UTF-16", base64(Buffer.from(text, "utf16le"), 0)]);
  }
  // Its position in encoded data is unknown: its whole groups of three, from each of the first
  // three bytes.
  for (const skipped of [0, 1, 2]) {
    const encoded = base64(bytes, skipped).toString();
    found.push(["base64", Buffer.from(encoded)],
      ["base64url", Buffer.from(encoded.replaceAll("+", "-").replaceAll("/", "_"))],
      ["base64, percent-encoded", Buffer.from(encodeURIComponent(encoded))]);
  }
  return found;
}

function base64(bytes, skipped) {
  const whole = bytes.subarray(skipped, skipped + Math.floor((bytes.length - skipped) / 3) * 3);
  return Buffer.from(whole.toString("base64"));
}

/** The request that contains a byte: its method and path, without the query. */
function requestAt(sent, at) {
  const before = sent.subarray(0, at + 1).toString("latin1");
  const lines = before.match(/(?:^|\r\n|[^\r\n])(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) \/[^ ?\r\n]*/g) ?? [];
  return lines.at(-1)?.trim() ?? "at its begin";
}
