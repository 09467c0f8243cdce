// The installed app: its manifest, and what other apps share with it. Its worker keeps that on the device.
// In the whole Chromium, which installs apps.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { isDeepStrictEqual } from "node:util";
import { advance, recorder, run, servers } from "./harness.mjs";
import { inlineFile, openLink } from "./secrets.mjs";
import { makeSecret, openSecret, readSecret } from "./view_secrets.mjs";

const { account, open } = servers;
const HOUR = 3601;
const TEXT = "What the phone shares with us: åäö";
const FILE = { name: "bild å.png", mimeType: "image/png", buffer: Buffer.from("not really a picture, but bytes") };

/** A page of another site with a form that sends to the share target, as a phone does. */
async function phone(tools, context, { server = open, fields = { text: TEXT }, files = [FILE] } = {}) {
  const inputs = Object.keys(fields).map((name) => `<textarea name="${name}"></textarea>`).join("");
  const html = `<!DOCTYPE html><html lang="en"><title>Other app</title><h1>Other app</h1><form method="post"
    enctype="multipart/form-data" action="${server.url}/share">${inputs}
    <input type="file" name="files" multiple><button>Share</button></form>`;
  const site = createServer((request, response) => {
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end(request.url === "/" ? html : "");
  });
  await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
  site.unref();
  const { port } = site.address();
  tools.ports.add(String(port));
  const page = await tools.open(`http://127.0.0.1:${port}/`, { context, allow: [/status of (405|503)/, /ERR_INTERNET_DISCONNECTED/] });
  for (const [name, text] of Object.entries(fields)) await page.locator(`[name=${name}]`).fill(text);
  if (files.length) await page.locator("input[type=file]").setInputFiles(files);
  return { page, share: () => page.getByRole("button", { name: "Share" }).click() };
}

/** A browser in which the app runs, with its worker. */
async function installed(tools, { server = "open", ...more } = {}) {
  const context = await tools.context(more);
  const page = await tools.open("/share", { context, server });
  await page.evaluate(async () => {
    const { active } = await navigator.serviceWorker.ready;
    if (active.state !== "activated") {
      await new Promise((done) => { active.onstatechange = () => active.state === "activated" && done(); });
    }
  });
  return { context, page };
}

const secretField = (page) => page.locator("textarea").first();

await run({
  async "the app can be installed"(tools) {
    const page = await tools.open("/");
    const session = await page.context().newCDPSession(page);
    const { url, errors, data } = await session.send("Page.getAppManifest");
    assert.equal(url, `${open.url}/manifest.webmanifest`);
    assert.deepEqual(errors, []);
    assert.equal(JSON.parse(data).name, "Drop & Söner");
    const { installabilityErrors } = await session.send("Page.getInstallabilityErrors");
    // A context without a profile on the disk cannot install anything.
    assert.deepEqual(installabilityErrors.filter(({ errorId }) => errorId !== "in-incognito"), []);
  },

  async "shared text and files fill the form in"(tools) {
    await advance("open", HOUR);
    const { context } = await installed(tools);
    recorder.plant("the shared text", TEXT);
    recorder.plant("the shared file", FILE.buffer);
    const { page, share } = await phone(tools, context);
    await share();
    await page.waitForURL(`${open.url}/share`);
    await page.waitForFunction((text) => document.querySelector("textarea")?.value === text, TEXT);
    await page.locator(".files").getByText(FILE.name).waitFor();
    await tools.check(page, "app-shared");
    const kept = await page.evaluate(async () => ({
      caches: await caches.keys(), databases: await indexedDB.databases(), local: { ...localStorage },
    }));
    assert.ok(isDeepStrictEqual(kept, { caches: [], databases: [], local: {} }), JSON.stringify(kept));
    await page.locator("button[type=submit]").first().click();
    await page.waitForSelector(".link-panel");
    const seen = await openLink(open, await page.locator(".link-line input").inputValue());
    assert.equal(seen.text, TEXT);
    assert.ok(inlineFile(seen.attachments[0]).equals(FILE.buffer));
    // It was handed over once.
    const again = await tools.open("/share#shared", { context });
    await again.getByText("Nothing was shared").waitFor();
    assert.equal(again.url(), `${open.url}/share`);
    assert.equal(await secretField(again).inputValue(), "");
  },

  async "titles and links are not repeated"(tools) {
    const link = "https://example.org/a?b=1";
    // (what is shared, the text of the form)
    const cases = [
      [{ title: "A page", text: `A page ${link}`, url: link }, `A page ${link}`],
      [{ title: "A page", text: "", url: link }, `A page\n${link}`],
      [{ title: "same", text: "same", url: "" }, "same"],
    ];
    const { context } = await installed(tools);
    for (const [fields, expected] of cases) {
      const { page, share } = await phone(tools, context, { fields, files: [] });
      await share();
      await page.waitForFunction((text) => document.querySelector("textarea")?.value === text, expected);
      await secretField(page).fill("");
      await page.close();
    }
  },

  async "the form of a server that needs an account is filled in too"(tools) {
    const { context } = await installed(tools, { server: "account" });
    recorder.plant("the shared text", TEXT);
    const { page, share } = await phone(tools, context, { server: account, files: [] });
    await share();
    await page.waitForFunction((text) => document.querySelector("textarea")?.value === text, TEXT);
  },

  async "without the worker the server refuses and says how to set it up"(tools) {
    const context = await tools.context({ size: "phone" });
    const { page, share } = await phone(tools, context, { files: [] });
    const answered = page.waitForResponse(`${open.url}/share`);
    await share();
    assert.equal((await answered).status(), 405);
    await page.getByRole("heading", { name: "Nothing was shared" }).waitFor();
    await tools.check(page, "app-refused-phone");
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.locator("#language").selectOption("sv");
    await page.getByRole("heading", { name: "Ingenting delades" }).waitFor();
    await tools.check(page, "app-refused-desktop-sv");
    await page.locator("#app a.button").click();
    await page.waitForURL(`${open.url}/share`);
    await page.evaluate(() => navigator.serviceWorker.ready);
    const second = await phone(tools, context, { files: [] });
    await second.share();
    await second.page.waitForFunction((text) => document.querySelector("textarea")?.value === text, TEXT);
  },

  async "offline says so and goes on with what was shared"(tools) {
    const { context } = await installed(tools);
    const { page, share } = await phone(tools, context, { files: [] });
    await context.setOffline(true);
    await share();
    await page.getByRole("heading", { name: "You are offline" }).waitFor();
    await tools.shot(page, "app-offline");
    await page.getByRole("link", { name: "Try again" }).click();
    await page.waitForURL(/retry=/);
    await page.getByRole("heading", { name: "You are offline" }).waitFor();
    await context.setOffline(false);
    await page.getByRole("link", { name: "Try again" }).click();
    await page.waitForFunction((text) => document.querySelector("textarea")?.value === text, TEXT);
  },

  async "no page of a secret has a worker"(tools) {
    const { context } = await installed(tools);
    const secret = await makeSecret({ text: TEXT });
    for (const path of ["/", "/box", "/manage", "/docs", `/status/${secret.id}#x`, secret.path]) {
      const page = await tools.open(path, { context, allow: [/404/] });
      await page.waitForSelector("h1");
      const seen = await page.evaluate(async () => {
        const all = await navigator.serviceWorker.getRegistrations();
        return [navigator.serviceWorker.controller, all.map(({ scope }) => scope)];
      });
      assert.deepEqual(seen, [null, [`${open.url}/share`]], path);
      if (path === secret.path) {
        await openSecret(page);
        assert.equal(await readSecret(page), TEXT);
      }
    }
    // A visitor who has not installed the app gets no worker at all.
    const page = await tools.open("/");
    await secretField(page).waitFor();
    assert.equal(await page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length), 0);
  },
}, { isWhole: true });
