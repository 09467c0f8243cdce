// Files that are too large to be in a secret itself: sent in slices, through all kinds of interruptions.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { advance, insecure, run, servers } from "./harness.mjs";
import { api, fetchFiles, openLink } from "./secrets.mjs";

const { open, account } = servers;
const HOUR = 3601;
const MIB = 1 << 20;
const SLICES = "**/attachments/*";

const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");
const random = (name, size) => ({ name, mimeType: "application/octet-stream", buffer: randomBytes(size) });
const secretField = (page) => page.locator("textarea").first();
const submit = (page) => page.locator("button[type=submit]").click();
const linkOf = async (page) => {
  await page.waitForSelector(".link-panel");
  return page.locator(".link-line input").inputValue();
};

/** A page with a text and files, before sending. */
async function filled(tools, files, { path = "/", ...options } = {}) {
  await advance("open", HOUR);
  const page = await tools.open(path, options);
  await secretField(page).fill("with files");
  await page.locator("input[type=file]").setInputFiles(files);
  return page;
}

async function arrived(link, files, server = open) {
  const seen = await openLink(server, link);
  assert.equal(seen.text, "with files");
  assert.deepEqual(seen.attachments.map(({ name, size, n }) => [name, size, n]),
    files.map(({ name, buffer }, at) => [name, buffer.length, at + 1]));
  const fetched = await fetchFiles(server, seen);
  assert.deepEqual(fetched.map(hash), files.map(({ buffer }) => hash(buffer)));
}

/** Counts the requests of a page by method. */
function counted(page) {
  const counts = {};
  page.on("request", (request) => { counts[request.method()] = (counts[request.method()] ?? 0) + 1; });
  return counts;
}

await run({
  async "files come out as they went in"(tools) {
    const files = [random("large.bin", 9 * MIB + 12_345), random("small.bin", 70_000), random("empty.bin", 0)];
    const page = await filled(tools, files);
    const counts = counted(page);
    await submit(page);
    await arrived(await linkOf(page), files);
    assert.ok(counts.PUT >= 4 && counts.PUT <= 12, `${counts.PUT} slices`);
  },

  async "progress in every look"(tools) {
    const file = random("film.mp4", 3 * MIB);
    await advance("open", HOUR);
    await tools.everyLook("create-upload", "/", async (page) => {
      let slices = 0;
      await page.route(SLICES, async (route) => {
        if (route.request().method() !== "PUT" || (slices += 1) < 2) return route.continue();
        // The second one is never completed.
        return undefined;
      });
      await secretField(page).fill("with files");
      await page.locator("input[type=file]").setInputFiles([file]);
      await submit(page);
      await page.waitForFunction(() => document.querySelector("progress")?.value > 0.3);
    });
  },

  async "slices that get lost are sent again"(tools) {
    // Although the slices grow quickly, that is more than six of them.
    const files = [random("large.bin", 12 * MIB)];
    const page = await filled(tools, files, { allow: [/ERR_FAILED|503/] });
    const counts = counted(page);
    let slices = 0;
    await page.route(SLICES, async (route) => {
      if (route.request().method() !== "PUT") return route.continue();
      slices += 1;
      if (slices === 2) return route.abort();
      if (slices === 4) return route.fulfill({ status: 503, headers: { "Retry-After": "1" } });
      if (slices === 6) {
        // It arrived, and its answer was lost.
        await route.fetch();
        return route.abort();
      }
      return route.continue();
    });
    await submit(page);
    await page.getByText(/Trying again in/).first().waitFor();
    await arrived(await linkOf(page), files);
    assert.ok(counts.HEAD >= 4, `${counts.HEAD} questions how much there is`);
  },

  async "the network is away for a while"(tools) {
    const files = [random("large.bin", 6 * MIB)];
    const context = await tools.context();
    const page = await filled(tools, files, { context, allow: [/ERR_INTERNET_DISCONNECTED|ERR_FAILED/] });
    let slices = 0;
    await page.route(SLICES, async (route) => {
      if (route.request().method() === "PUT" && (slices += 1) === 2) await context.setOffline(true);
      return route.continue().catch(() => {});
    });
    await submit(page);
    await page.getByText(/Trying again in/).first().waitFor();
    await context.setOffline(false);
    await arrived(await linkOf(page), files);
  },

  async "it gives up after a while, and goes on when it is told to"(tools) {
    const files = [random("large.bin", 3 * MIB)];
    const page = await filled(tools, files, { allow: [/ERR_FAILED/] });
    await page.clock.install();
    let isDown = false;
    let slices = 0;
    await page.route(SLICES, async (route) => {
      if (route.request().method() === "PUT") isDown ||= (slices += 1) === 2;
      return isDown ? route.abort() : route.continue();
    });
    await submit(page);
    // Before that, a clock that runs ahead would end the requests that the server is still answering.
    await page.getByText(/Trying again in/).first().waitFor();
    const again = page.getByRole("button", { name: "Try again" });
    const end = Date.now() + 60_000;
    while (!await again.isVisible() && Date.now() < end) await page.clock.runFor(5_000);
    await again.waitFor();
    await tools.check(page, "create-upload-failed");
    isDown = false;
    slices = 10;
    await again.click();
    await page.clock.resume();
    await arrived(await linkOf(page), files);
  },

  async "cancelling leaves nothing behind, and loses nothing"(tools) {
    const page = await filled(tools, [random("large.bin", 3 * MIB)], { allow: [/404/] });
    let slices = 0;
    await page.route(SLICES, (route) =>
      (route.request().method() === "PUT" && (slices += 1) === 2 ? undefined : route.continue()));
    const created = page.waitForResponse((response) => response.request().method() === "POST");
    await submit(page);
    await page.waitForFunction(() => document.querySelector("progress")?.value > 0.3);
    const dropped = page.waitForResponse((response) => response.request().method() === "DELETE");
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByText(/Cancelled/).waitFor();
    await tools.check(page, "create-upload-cancelled");
    assert.equal((await dropped).status(), 200);
    const { data } = await (await created).json();
    await api(open, "GET", `public/secrets/${data.id}`, { status: 404 });
    assert.equal(await secretField(page).inputValue(), "with files");
    assert.equal(await page.locator(".files li").count(), 1);
    await page.unroute(SLICES);
    await submit(page);
    await linkOf(page);
  },

  async "leaving asks while files are under way, and not afterwards"(tools) {
    const page = await filled(tools, [random("large.bin", 3 * MIB)]);
    await page.route(SLICES, (route) => (route.request().method() === "PUT" ? undefined : route.continue()));
    await submit(page);
    await page.waitForSelector("progress");
    const asked = page.waitForEvent("dialog");
    await page.close({ runBeforeUnload: true });
    const dialog = await asked;
    assert.equal(dialog.type(), "beforeunload");
    await dialog.dismiss();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByText(/Cancelled/).waitFor();
    const closed = page.waitForEvent("close");
    await page.close({ runBeforeUnload: true });
    await closed;
  },

  async "a draft that is gone is made anew"(tools) {
    const files = [random("large.bin", 3 * MIB)];
    const page = await filled(tools, files, { allow: [/404/] });
    let slices = 0;
    await page.route(SLICES, async (route) => {
      const request = route.request();
      if (request.method() === "PUT" && (slices += 1) === 2) {
        const token = request.headers()["upload-token"];
        const draft = request.url().replace(/attachments\/\d+$/, "draft");
        await fetch(draft, { method: "DELETE", headers: { "Upload-Token": token } });
      }
      return route.continue();
    });
    await submit(page);
    await page.getByRole("button", { name: "Try again" }).click();
    await arrived(await linkOf(page), files);
  },

  async "a file that changed meanwhile is told"(tools) {
    const folder = mkdtempSync(join(tmpdir(), "files-"));
    const path = join(folder, "changing.bin");
    writeFileSync(path, randomBytes(3 * MIB));
    const page = await filled(tools, [path]);
    writeFileSync(path, randomBytes(3 * MIB + 1));
    await submit(page);
    await page.getByText(/A file could not be read/).waitFor();
    rmSync(folder, { recursive: true });
  },

  async "with the key of an account, and as an answer"(tools) {
    const files = [random("large.bin", 2 * MIB)];
    const { id } = await api(account, "POST", "secret_requests", { key: account.key, body: {} });
    const answer = await filled(tools, files, { path: `/req/${id}`, server: "account" });
    await submit(answer);
    await arrived(await linkOf(answer), files, account);

    const page = await tools.open("/docs", { server: "account" });
    await page.evaluate((key) => sessionStorage.setItem("key", key), account.key);
    await page.goto(`${account.url}/`);
    await secretField(page).fill("with files");
    await page.locator("input[type=file]").setInputFiles(files);
    await submit(page);
    await arrived(await linkOf(page), files, account);
  },

  async "without WebCrypto"(tools) {
    const files = [random("large.bin", 1.5 * MIB)];
    await advance("open", HOUR);
    const page = await tools.open(insecure(open.url) + "/", { allow: [/Cross-Origin-Opener-Policy/] });
    await secretField(page).fill("with files");
    await page.locator("input[type=file]").setInputFiles(files);
    await submit(page);
    await arrived(await linkOf(page), files);
  },
});
