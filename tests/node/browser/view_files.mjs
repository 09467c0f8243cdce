// The files of a secret, saved byte for byte; hosting below a path.
import assert from "node:assert/strict";
import { createReadStream } from "node:fs";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { run, servers } from "./harness.mjs";
import { PICTURE } from "./secrets.mjs";
import { heading, logOf, makeSecret, openSecret, readSecret } from "./view_secrets.mjs";

const { FileSealer, sealedSize } = await import(new URL("../../../src/web/js/crypto/stream.js", import.meta.url));

const LOST = [/ERR_|Failed to load resource/];

/** Bytes of which no two chunks are the same. */
function filled(length) {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 1) bytes[at] = (at * 31 + (at >> 8) + (at >> 16)) & 255;
  return bytes;
}

const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");

async function hashOfFile(path) {
  const sum = createHash("sha256");
  for await (const chunk of createReadStream(path)) sum.update(chunk);
  return sum.digest("hex");
}

/** Passes requests on to a server unless `answer` handles them; `close()` ends it. */
async function proxy(tools, to, answer) {
  const server = createServer((incoming, outgoing) => {
    const path = answer(incoming, outgoing);
    if (path === null) return;
    const headers = { ...incoming.headers };
    const passed = request(to + path, { method: incoming.method, headers }, (response) => {
      outgoing.writeHead(response.statusCode, response.headers);
      response.pipe(outgoing);
    });
    incoming.pipe(passed);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  tools.ports.add(String(port));
  return { url: `http://127.0.0.1:${port}`, close: () => { server.closeAllConnections(); server.close(); } };
}

/**
 * A server that has the attachment of a secret, `sealed`, as the daemon sends it, and breaks off after each of
 * `breaks` bytes.
 */
async function withAttachment(tools, sealed, breaks = []) {
  const asked = [];
  const server = await proxy(tools, servers.open.url, (incoming, outgoing) => {
    if (!/^\/api\/secrets\/\w+\/attachments\/1$/.test(incoming.url)) return incoming.url;
    asked.push({ lease: incoming.headers.lease, range: incoming.headers.range });
    const from = Number(/^bytes=(\d+)-$/.exec(incoming.headers.range ?? "")?.[1] ?? 0);
    const part = sealed.subarray(from);
    const range = { "Content-Range": `bytes ${from}-${sealed.length - 1}/${sealed.length}` };
    outgoing.writeHead(from ? 206 : 200, { "Content-Length": part.length, ...(from && range) });
    const end = breaks.shift();
    const breakOff = () => setImmediate(() => outgoing.destroy());
    if (end === undefined) outgoing.end(part);
    else if (end.held) outgoing.write(part.subarray(0, end.held), () => { held = breakOff; });
    else outgoing.write(part.subarray(0, end), breakOff);
    return null;
  });
  let held = null;
  // A browser discards unread data when a connection breaks.
  return { ...server, asked, breakOff: () => held() };
}

async function saved(page, name, act = () => page.getByRole("button", { name: `Save ${name}` }).click()) {
  const [download] = await Promise.all([page.waitForEvent("download"), act()]);
  return { name: download.suggestedFilename(), path: await download.path() };
}

await run({
  async "files in the secret"(tools) {
    const [pdf, script] = [filled(200_000), filled(1)];
    const secret = await makeSecret({
      text: "with files",
      attachments: [
        { name: "räkning 1.pdf", type: "application/pdf", data: pdf },
        { name: "../../etc/pass\u202ewd.html", type: "text/html", data: script },
        { name: "empty", data: new Uint8Array() },
      ],
    });
    const page = await tools.open(secret.path, { size: "phone" });
    await openSecret(page);
    const first = await saved(page, "räkning 1.pdf");
    assert.deepEqual([first.name, await hashOfFile(first.path)], ["räkning 1.pdf", hash(pdf)]);
    await page.getByText("Saved", { exact: true }).waitFor();
    const second = await saved(page, "pass_wd.html");
    assert.deepEqual([second.name, await hashOfFile(second.path)], ["pass_wd.html", hash(script)]);
    const third = await saved(page, "empty");
    assert.equal((await readFile(third.path)).length, 0);
    const text = await saved(page, "", () => page.getByRole("button", { name: "Save as a file" }).click());
    assert.equal(await readFile(text.path, "utf8"), "with files");
    await tools.check(page, "view-files");
  },

  async "files are shown, and nothing of them runs"(tools) {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="document.title='run'">
      <script>document.title = "run"</script><image href="http://127.0.0.1:1/leak"/><rect width="9" height="9"/></svg>`;
    const large = new Uint8Array(60_000).fill(97);
    const sealer = await FileSealer.create();
    const sealed = await sealer.seal(new Blob([large]), 0, sealedSize(large.length));
    const secret = await makeSecret({
      text: "with files", attachments: [
        { name: "dot.png", type: "image/png", data: new Uint8Array(PICTURE) },
        { name: "drawing.svg", type: "image/svg+xml", data: new TextEncoder().encode(svg) },
        { name: "page.html", type: "text/html", data: new TextEncoder().encode("<script>document.title = 'run'</script>") },
        { name: "long.txt", size: large.length, n: 1, key: sealer.key },
      ],
    });
    const server = await withAttachment(tools, sealed, []);
    const page = await tools.open(server.url + secret.path);
    const title = await page.title();
    await openSecret(page);
    for (const name of ["dot.png", "drawing.svg", "page.html", "long.txt"]) {
      await page.getByRole("button", { name: `Show ${name}` }).click();
    }
    await page.waitForFunction(() => [...document.querySelectorAll(".preview img")].map(({ naturalWidth }) => naturalWidth).join() === "2,9");
    assert.equal(await page.locator(".preview pre").first().textContent(), "<script>document.title = 'run'</script>");
    await page.waitForFunction(() => [...document.querySelectorAll(".preview pre")].at(-1).textContent.length === 60_000);
    assert.equal(await page.title(), title);
    await page.getByRole("button", { name: "Hide long.txt" }).click();
    await tools.check(page, "view-preview");
    server.close();
  },

  async "a file of its own breaks off and goes on"(tools) {
    const content = filled(3 * 65_536 + 100);
    const sealer = await FileSealer.create();
    const sealed = await sealer.seal(new Blob([content]), 0, sealedSize(content.length));
    const attachment = { name: "film.bin", size: content.length, n: 1, key: sealer.key };
    const secret = await makeSecret({ text: "", attachments: [attachment] });
    const server = await withAttachment(tools, sealed, [{ held: 100_000 }, 3]);
    const page = await tools.open(server.url + secret.path, { allow: LOST });
    await openSecret(page);
    await page.getByRole("button", { name: "Save film.bin" }).click();
    await page.waitForFunction(() => document.querySelector("progress")?.value > 0);
    server.breakOff();
    await page.getByText("The connection broke.").waitFor();
    await tools.check(page, "view-file-broken");
    const next = page.getByRole("button", { name: "Continue" });
    await next.click();
    await page.waitForFunction(() => document.querySelector(".state .error"));
    const file = await saved(page, "", () => next.click());
    assert.deepEqual([file.name, await hashOfFile(file.path)], ["film.bin", hash(content)]);
    const { lease } = server.asked[0];
    assert.match(lease, /^[A-Za-z0-9_-]{22,64}$/);
    assert.equal(server.asked.length, 3);
    for (const { lease: other, range } of server.asked.slice(1)) {
      assert.equal(other, lease);
      assert.match(range, /^bytes=[1-9]\d*-$/);
    }
    server.close();
  },

  async "a file of its own that does not come"(tools) {
    const content = filled(70_000);
    const sealer = await FileSealer.create();
    const sealed = await sealer.seal(new Blob([content]), 0, sealedSize(content.length));
    const secret = await makeSecret({
      text: "", max_views: 9, attachments: [{ name: "film.bin", size: content.length, n: 1, key: sealer.key }],
    });
    const changed = sealed.slice();
    changed[69_000] ^= 1;
    const cut = sealed.subarray(0, 65_559);
    for (const [bytes, told] of [[changed, "The file is damaged"], [cut, "The file is damaged"]]) {
      const server = await withAttachment(tools, bytes);
      const page = await tools.open(server.url + secret.path);
      await openSecret(page);
      await page.getByRole("button", { name: "Save film.bin" }).click();
      await page.locator(".state .error", { hasText: told }).waitFor();
      server.close();
    }
    const server = await withAttachment(tools, sealed, [100, 100]);
    const page = await tools.open(server.url + secret.path, { allow: LOST });
    await openSecret(page);
    await page.getByRole("button", { name: "Save film.bin" }).click();
    await page.getByText("The connection broke.").waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.locator(".state", { hasText: "Cancelled." }).waitFor();
    await page.route("**/attachments/1", (route) => route.fulfill({ status: 404, body: "{}" }));
    await page.getByRole("button", { name: "Save film.bin" }).click();
    await page.locator(".state .error", { hasText: "It is too late" }).waitFor();
    await page.unroute("**/attachments/1");
    server.close();
  },

  async "a large file goes to the disk as it comes"(tools) {
    const content = filled(40 * 1024 * 1024);
    const sealer = await FileSealer.create();
    const sealed = await sealer.seal(new Blob([content]), 0, sealedSize(content.length));
    const attachment = { name: "large.bin", size: content.length, n: 1, key: sealer.key };
    const server = await withAttachment(tools, sealed);
    const secret = await makeSecret({ text: "", attachments: [attachment], max_views: 2 });
    const page = await tools.open(server.url + secret.path);
    // A folder of the page's own replaces the place that a person would choose.
    await page.evaluate(() => {
      window.showSaveFilePicker = async ({ suggestedName }) =>
        (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true });
    });
    await openSecret(page);
    await page.getByRole("button", { name: "Save large.bin" }).click();
    await page.getByText("Saved", { exact: true }).waitFor();
    const found = await page.evaluate(async () => {
      const folder = await navigator.storage.getDirectory();
      const file = await (await folder.getFileHandle("large.bin")).getFile();
      const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
      return Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join("");
    });
    assert.equal(found, hash(content));

    // If the browser cannot do this, the page collects the pieces.
    const other = await tools.open(server.url + secret.path);
    await other.evaluate(() => { delete window.showSaveFilePicker; });
    await openSecret(other);
    const file = await saved(other, "large.bin");
    assert.equal(await hashOfFile(file.path), hash(content));
    server.close();
  },

  async "below a path of another host"(tools) {
    const server = await proxy(tools, servers.open.url, (incoming, outgoing) => {
      if (incoming.url.startsWith("/secrets/")) return incoming.url.slice("/secrets".length);
      outgoing.writeHead(404).end();
      return null;
    });
    const secret = await makeSecret({ captcha: true, password: "p", max_views: 2 });
    for (const path of [secret.path, `/?${secret.id}#${secret.key}`]) {
      const page = await tools.open(`${server.url}/secrets${path}`);
      await page.getByLabel("Password", { exact: true }).fill("p");
      await openSecret(page);
      assert.equal(await readSecret(page), "hunter2");
    }
    server.close();
    assert.equal((await logOf(secret.id)).view_times, 2);
  },
});
