// Boxes with errors and ends: wrong passphrases, dates, lost networks, hostile content.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  makeBox, open, opened, PASSPHRASE, quickBox, quickSend, saved, send, texts, wire,
} from "./box_tools.mjs";
import { advance, insecure, run, servers } from "./harness.mjs";
import { inert, PAYLOADS } from "./xss.mjs";

const MEBIBYTE = 1 << 20;
const REFUSED = { allow: [/400 \(Bad Request\)|429 \(/] };
const LOST = { allow: [/ERR_|400 \(Bad/] };

await run({
  async "a wrong passphrase, and too many of them"(tools) {
    const { token, pem } = await quickBox();
    const page = await tools.open(`/box/${token}`, REFUSED);
    for (const passphrase of ["wrong", ` ${PASSPHRASE}`]) {
      await open(page, { passphrase });
      await page.getByText("The passphrase is wrong.").waitFor();
      const control = page.locator("#panel-open").getByLabel("Passphrase", { exact: true });
      assert.equal(await control.getAttribute("aria-invalid"), "true");
    }
    for (let more = 0; more < 4; more += 1) {
      await open(page, { passphrase: `wrong ${more}` });
      await page.getByText("The passphrase is wrong.").waitFor();
    }
    await open(page, {});
    await page.getByText("Too many attempts").waitFor();
    await advance("open", 61);
    await open(page, { passphrase: "wrong", pem });
    await page.getByText("The passphrase does not open this key file.").waitFor();
    await open(page, { pem: "no key" });
    await page.getByText("This is not the key file of a box").waitFor();
    // The file of another box opens, but its key is not the key of this box.
    const other = await quickBox();
    await open(page, { pem: other.pem });
    await page.getByText("The passphrase is wrong.").waitFor();
    await opened(page, { pem });
    await page.getByText("The box is empty.").waitFor();
  },

  async "the server has no key"(tools) {
    const page = await tools.open("/box", REFUSED);
    const box = await makeBox(page);
    await page.goto(box.link);
    await page.getByRole("tab", { name: "Open" }).click();
    await page.getByText("The server does not have the key to this box").waitFor();
    assert.equal(await page.getByRole("radio").count(), 0);
    await opened(page, { pem: box.pem });
    // A browser that cannot open it either says so, and does not ask for a passphrase.
    const old = await tools.open(insecure(box.link), { allow: [/Cross-Origin-Opener-Policy/] });
    await old.getByRole("tab", { name: "Open" }).click();
    await old.getByText("The server does not have the key to this box").waitFor();
    await old.getByText("Opening with a key file needs an encrypted connection").waitFor();
    assert.equal(await old.locator("#panel-open input").count(), 0);
  },

  async "another key on the server is noticed"(tools) {
    const { token, pem } = await quickBox();
    const other = await quickBox();
    const page = await tools.open(`/box/${token}`);
    const key = await (await fetch(`${servers.open.url}/Service/${other.token}/publickey`)).text();
    await page.route("**/publickey?*", (route) => route.fulfill({ body: key }));
    await opened(page, { pem });
    await page.getByText("a key that is not yours").waitFor();
  },

  async "release and lock"(tools) {
    const page = await tools.open("/box", REFUSED);
    // Hours and days after the server's first moment, in the browser's zone.
    const box = await makeBox(page, { here: false, prepare: async () => {
      await page.getByText("More options").click();
      await page.getByLabel("Keep closed until").fill("2026-11-22T23:30");
      await page.getByLabel("Close to new messages on").fill("2026-11-26T12:00");
    } });
    const terms = await (await fetch(`${servers.open.url}/Service/${box.token}/terms`)).json();
    assert.equal(terms.LockDate, "2026-11-26T11:00:00Z");
    await page.goto(box.link);
    await send(page, { text: "for later" });
    await open(page, {});
    await page.getByText("cannot be opened before Sun, November 22, 2026 at 11:30 PM").waitFor();
    const late = await tools.open(box.link, REFUSED);
    await late.getByLabel("Message", { exact: true }).fill("too late");
    await advance("open", 4 * 24 * 3600);
    await late.getByRole("button", { name: "Send", exact: true }).click();
    await late.getByText("has been closed to new messages since Thu, November 26").waitFor();
    await late.reload();
    await late.getByText("has been closed to new messages since Thu, November 26").waitFor();
    assert.equal(await late.getByLabel("Message", { exact: true }).count(), 0);
    await opened(late, {});
    assert.deepEqual(await texts(late), ["for later"]);
  },

  async "what is read is deleted"(tools) {
    const page = await tools.open("/box", REFUSED);
    const box = await makeBox(page, { here: false, prepare: async () => {
      await page.getByText("More options").click();
      await page.getByLabel("Delete messages as soon as they have been read").check();
    } });
    const file = { name: "once.bin", bytes: randomBytes(1000) };
    await quickSend(box.token, { text: "read once", file });
    await page.goto(box.link);
    await page.getByRole("tab", { name: "Open" }).click();
    await page.getByText("deleted when they are read").waitFor();
    await opened(page, {});
    await page.getByText("are now only on this page").waitFor();
    assert.deepEqual(await texts(page), ["read once"]);
    await page.getByRole("button", { name: "Close the box" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Close the box" }).click();
    await opened(page, {});
    assert.deepEqual(await texts(page), []);
    assert.ok((await saved(page, "once.bin")).bytes.equals(file.bytes));
    // Changes during the request for a new ticket must not get lost.
    await quickSend(box.token, { text: "came later" });
    await page.clock.install();
    await page.clock.fastForward(200_000);
    await page.getByRole("button", { name: "Save once.bin" }).click();
    await page.getByText("This file is no longer available").waitFor();
    assert.deepEqual(await texts(page), ["came later"]);
  },

  async "the box is deleted with what is read"(tools) {
    const { token } = await quickBox("open", { deletekeyafterreading: "true" });
    await quickSend(token, { text: "the last", file: { name: "a.bin", bytes: Buffer.from("abc") } });
    const page = await tools.open(`/box/${token}`, REFUSED);
    await page.getByRole("tab", { name: "Open" }).click();
    await page.getByText("This box deletes itself").waitFor();
    await opened(page, {});
    assert.deepEqual(await texts(page), ["the last"]);
    assert.equal((await saved(page, "a.bin")).bytes.toString(), "abc");
    await page.getByRole("button", { name: "Delete this box" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByRole("heading", { name: "The box is deleted" }).waitFor();
  },

  async "the network is lost in mid-upload"(tools) {
    const { token, pem } = await quickBox();
    const line = await wire();
    tools.ports.add(line.port);
    const page = await tools.open(`${line.url}/box/${token}`, LOST);
    const files = ["one.bin", "two.bin"]
      .map((name) => ({ name, mimeType: "", buffer: randomBytes(3 * MEBIBYTE) }));
    await page.getByLabel("Message", { exact: true }).fill("before the files");
    await page.locator("input[type=file]").first().setInputFiles(files);
    // The text and the first file arrive, the second one does not.
    line.cutAfter(5 * MEBIBYTE);
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await page.getByText("The server cannot be reached").waitFor({ timeout: 60_000 });
    await page.getByText("2 of 3 have already arrived").waitFor();
    line.mend();
    const before = line.heard().length;
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("heading", { name: "Delivered to the box" }).waitFor({ timeout: 60_000 });
    const again = line.heard().length - before;
    assert.ok(again > 3 * MEBIBYTE && again < 4 * MEBIBYTE, `${again} bytes again`);
    const owner = await tools.open(`/box/${token}`);
    await opened(owner, { pem });
    assert.equal(await owner.locator(".message").count(), 3);
    assert.deepEqual(await texts(owner), ["before the files"]);
    for (const { name, buffer } of files) assert.ok((await saved(owner, name)).bytes.equals(buffer));
    line.close();
  },

  async "sending is stopped"(tools) {
    const { token, pem } = await quickBox();
    const page = await tools.open(`/box/${token}`, LOST);
    const session = await page.context().newCDPSession(page);
    await session.send("Network.enable");
    await session.send("Network.emulateNetworkConditions", {
      offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 300_000,
    });
    const file = { name: "slow.bin", mimeType: "", buffer: randomBytes(5 * MEBIBYTE) };
    for (const here of [true, false]) {
      await page.locator("input[type=file]").first().setInputFiles([file]);
      await page.getByRole("switch").setChecked(here);
      await page.getByRole("button", { name: "Send", exact: true }).click();
      await page.getByText("Sending", { exact: true }).waitFor();
      await page.locator("progress").waitFor();
      await page.getByRole("button", { name: "Cancel" }).click();
      await page.getByText("Your text and files are still here").waitFor();
      await page.getByRole("button", { name: "Try again" }).waitFor();
      await page.getByRole("button", { name: "Remove" }).click();
      await page.getByRole("button", { name: "Send", exact: true }).waitFor();
    }
    await opened(page, { pem });
    await page.getByText("The box is empty.").waitFor();
  },

  async "too large, too long, nothing at all"(tools) {
    const { token } = await quickBox();
    const page = await tools.open(`/box/${token}`);
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await page.getByText("Write something, or choose a file.").waitFor();
    await page.getByRole("switch").uncheck();
    await page.getByLabel("Message", { exact: true }).fill("x".repeat(MEBIBYTE + 1));
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await page.getByText("The text is too long").waitFor();
    await page.getByRole("switch").check();
    const text = randomBytes(MEBIBYTE).toString("base64");
    await page.getByLabel("Message", { exact: true }).fill(text);
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await page.getByText("The text is too long").waitFor();
  },

  async "a key that no browser knows, and messages that nobody here can open"(tools) {
    // Such a key is refused when it is uploaded; an older box may have one.
    const { token: other } = await quickBox();
    const context = await tools.context();
    await context.route(`**/Service/${other}/publickey?*`, (route) => route.fulfill({ body: "of another kind" }));
    const page = await tools.open(`/box/${other}`, { context, ...REFUSED });
    await page.getByText("This page cannot use the key of this box").waitFor();
    const { token, pem } = await quickBox();
    const put = (body) => fetch(`${servers.open.url}/Service`, { method: "PUT", headers: { token }, body });
    await put(new URLSearchParams({ encryptedmessage: "of another <b>kind</b>", encryptionkey: "any" }));
    const form = new FormData();
    form.append("encryptionkey", "any");
    form.append("encryptedfile", new Blob(["stuff"]), "plain name.txt");
    await put(form);
    for (const how of [{}, { pem }]) {
      await page.goto(`${servers.open.url}/box/${token}`);
      await opened(page, how);
      assert.equal(await page.getByText("This cannot be opened here").count(), 2);
      assert.deepEqual(await texts(page), ["of another <b>kind</b>"]);
      assert.equal((await saved(page, "message-2.bin")).bytes.toString(), "stuff");
    }
  },

  async "nothing that a stranger writes becomes more than text"(tools) {
    const { token, pem } = await quickBox();
    for (const [at, text] of PAYLOADS.entries()) {
      // Line ends and quotes in names are encoded by the sender's browser; here they are only part of some.
      const name = text.replace(/[\r\n]/g, " ").slice(0, 60);
      await quickSend(token, { text, file: at % 4 === 0 ? { name, bytes: "x" } : undefined });
    }
    const page = await tools.open(`/box/${token}`);
    for (const how of [{}, { pem }]) {
      await opened(page, how);
      while (await page.getByRole("button", { name: "Show more" }).isVisible()) {
        const count = await page.locator(".message").count();
        await page.getByRole("button", { name: "Show more" }).click();
        await page.waitForFunction((count) => document.querySelectorAll(".message").length > count, count);
      }
      const all = await texts(page);
      // Line ends of forms are CRLF.
      const lines = (text) => text.replaceAll(/\r\n?/g, "\n");
      assert.deepEqual(all.map(lines), PAYLOADS.map(lines));
      await inert(page);
      await page.getByRole("button", { name: "Close the box" }).click();
    }
  },

  async "without WebCrypto the server does it, and it is said"(tools) {
    const page = await tools.open(insecure(`${servers.open.url}/box`), { allow: [/Cross-Origin-Opener-Policy/] });
    await page.getByText("This needs an encrypted connection (https), so the server encrypts instead.").waitFor();
    await page.getByText("sees your passphrase now and whenever").waitFor();
    assert.ok(await page.getByRole("switch").isDisabled());
    await page.getByLabel("Passphrase", { exact: true }).fill(PASSPHRASE);
    await page.getByRole("button", { name: "Create box" }).click();
    await page.getByRole("heading", { name: "Your box is ready" }).waitFor();
    const link = await page.getByLabel("Box link", { exact: true }).inputValue();
    await page.goto(link);
    await page.getByLabel("Message", { exact: true }).fill("over plain http");
    const file = { name: "a.txt", mimeType: "", buffer: Buffer.from("abc") };
    await page.locator("input[type=file]").first().setInputFiles([file]);
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await page.getByRole("heading", { name: "Delivered to the box" }).waitFor();
    await page.getByRole("tab", { name: "Open" }).click();
    assert.equal(await page.getByText("With the key file", { exact: true }).count(), 0);
    await page.getByText("Opening with a key file needs").waitFor();
    await opened(page, {});
    assert.deepEqual(await texts(page), ["over plain http"]);
    assert.equal((await saved(page, "a.txt")).bytes.toString(), "abc");
  },

  async "64 MiB take little memory"(tools) {
    const { token, pem } = await quickBox();
    const folder = mkdtempSync(join(tmpdir(), "box-"));
    const bytes = randomBytes(64 * MEBIBYTE);
    const path = join(folder, "large.bin");
    writeFileSync(path, bytes);
    const context = await tools.context();
    // There is no person to choose a place on the disk.
    await context.addInitScript(() => { delete window.showSaveFilePicker; });
    const page = await tools.open(`/box/${token}`, { context });
    const session = await context.newCDPSession(page);
    await session.send("Performance.enable");
    let most = 0;
    let measuring = true;
    const measure = (async () => {
      while (measuring) {
        const { metrics } = await session.send("Performance.getMetrics");
        most = Math.max(most, metrics.find(({ name }) => name === "JSHeapUsedSize").value);
      }
    })();
    await send(page, { files: [path] });
    measuring = false;
    await measure;
    // Buffers outside of the heap count, as far as the collector knows them.
    assert.ok(most < 40 * MEBIBYTE, `${most}`);
    await opened(page, { pem });
    assert.ok((await saved(page, "large.bin")).bytes.equals(bytes));
    rmSync(folder, { recursive: true });
  },
}, { isNow: false });
