// Shared by the tests of boxes: boxes created and used as people do, and a connection that can be cut.
import { createServer, connect } from "node:net";
import { recorder, savedFile, servers } from "./harness.mjs";

/** Letters that are not ASCII, and spaces between them. */
export const PASSPHRASE = "räksmörgås på Öland 🦐 7";

/**
 * Fills in the form of /box and creates a box: `{token, link, pem}`; `pem` is from the saved key file. If
 * the box is created in the browser, neither passphrase nor key may leave the browser.
 */
export async function makeBox(page, { passphrase = PASSPHRASE, here = true, prepare = async () => {} } = {}) {
  if (here) recorder.plant("the passphrase of a box", passphrase);
  await page.getByLabel("Passphrase", { exact: true }).fill(passphrase);
  await page.getByRole("switch").setChecked(here);
  await prepare(page);
  await page.getByRole("button", { name: "Create box" }).click();
  await page.getByRole("heading", { name: "Your box is ready" }).waitFor({ timeout: 60_000 });
  const link = await page.getByLabel("Box link", { exact: true }).inputValue();
  const file = await savedFile(page, () => page.getByRole("button", { name: "Save key file" }).click());
  const pem = file.bytes.toString();
  recorder.plant("the key of a box", pem.split("\n")[5]);
  return { token: link.slice(-31), link, pem };
}

/** A box created without a page, for tests of other steps. */
export async function quickBox(server = "open", terms = {}, passphrase = PASSPHRASE) {
  const response = await fetch(`${servers[server].url}/Service`, {
    method: "POST", body: new URLSearchParams({ passphrase, ...terms }),
  });
  const { KeyToken: token, PrivateKey: pem } = await response.json();
  return { token, pem };
}

/** Puts a text or a file into a box without a page. */
export async function quickSend(token, { text, file, server = "open" }) {
  const form = new FormData();
  if (text !== undefined) form.append("message", text);
  if (file) form.append("file", new Blob([file.bytes]), file.name);
  const url = `${servers[server].url}/Service`;
  const response = await fetch(url, { method: "PUT", headers: { token }, body: form });
  if (!response.ok) throw new Error(await response.text());
}

/** Sends by the page of a box, and waits until it says so. */
export async function send(page, { text = "", files = [], here = true }) {
  await page.getByLabel("Message", { exact: true }).fill(text);
  if (files.length) await page.locator("input[type=file]").first().setInputFiles(files);
  await page.getByRole("switch").setChecked(here);
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await page.getByRole("heading", { name: "Delivered to the box" }).waitFor({ timeout: 120_000 });
}

/** Opens a box by its page: with a key file if `pem` is given. Does not wait for the result. */
export async function open(page, { passphrase = PASSPHRASE, pem } = {}) {
  await page.getByRole("tab", { name: "Open" }).click();
  if (pem) {
    // If the server does not have the key, this is the only way.
    const way = page.getByText("With the key file", { exact: true });
    if (await way.count()) await way.click();
    await page.getByLabel("Key file", { exact: true })
      .setInputFiles({ name: "box.pem", mimeType: "text/plain", buffer: Buffer.from(pem) });
  }
  await page.locator("#panel-open").getByLabel("Passphrase", { exact: true }).fill(passphrase);
  await page.locator("#panel-open").getByRole("button", { name: "Open the box" }).click();
}

/** Opens it and waits for the list. */
export async function opened(page, how) {
  await open(page, how);
  await page.getByRole("heading", { name: "In the box" }).waitFor({ timeout: 60_000 });
}

/** The texts in an opened box, each uncovered first. */
export async function texts(page) {
  const hidden = page.locator(".message button[aria-expanded=false]");
  while (await hidden.count()) await hidden.first().click();
  return page.locator(".shown-text").allTextContents();
}

/** The bytes of the file with this name in an opened box, and the name it is saved under. */
export function saved(page, name) {
  return savedFile(page, () => page.getByRole("button", { name: `Save ${name}`, exact: true }).click());
}

/**
 * A connection to a server that records all data sent to it: `{url, port, heard(), cutAfter(bytes), mend(),
 * close()}`. After a cut it passes this many bytes more and then stops, for new connections, too.
 */
export async function wire(server = "open") {
  const target = new URL(servers[server].url);
  const pieces = [];
  const sockets = new Set();
  let left = Infinity;
  const listener = createServer((client) => {
    if (left <= 0) return client.destroy();
    const upstream = connect(Number(target.port), target.hostname);
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", end).on("close", end);
    }
    client.on("data", (bytes) => {
      pieces.push(bytes);
      left -= bytes.length;
      if (left <= 0) for (const socket of sockets) socket.destroy();
      else if (!upstream.write(bytes)) {
        client.pause();
        upstream.once("drain", () => client.resume());
      }
    });
    upstream.pipe(client);
    return undefined;
  });
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address();
  return {
    url: `http://127.0.0.1:${port}`,
    port: String(port),
    heard: () => Buffer.concat(pieces),
    cutAfter: (bytes) => { left = bytes; },
    mend: () => { left = Infinity; },
    close: () => {
      for (const socket of sockets) socket.destroy();
      listener.close();
    },
  };
}
