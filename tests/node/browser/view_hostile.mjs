// Programs that open links, and hostile texts: neither spends a view, nor becomes more than text.
import assert from "node:assert/strict";
import { run, servers } from "./harness.mjs";
import { call, heading, logOf, makeSecret, openSecret, readSecret } from "./view_secrets.mjs";
import { AGENTS } from "./agents.mjs";
import { inert, PAYLOADS } from "./xss.mjs";

const ID = "title, meta, link[rel=canonical]";

await run({
  async "programs that look at links spend nothing"(tools) {
    const secret = await makeSecret({ text: "untouched", message: "planted words", description: "planted, too" });
    const { url } = servers.open;
    for (const agent of AGENTS) {
      for (const path of [`/${secret.id}/`, `/${secret.id}`, `/?${secret.id}`, `/api/public/secrets/${secret.id}`]) {
        for (const method of ["GET", "HEAD"]) {
          const response = await fetch(url + path, { method, headers: { "User-Agent": agent, Accept: "*/*" } });
          const body = await response.text();
          assert.ok(!body.includes("planted"), `${agent} ${method} ${path}`);
          if (!path.startsWith("/api")) {
            assert.equal(response.status, 200);
            assert.equal(response.headers.get("x-robots-tag"), "noindex, nofollow");
          }
        }
      }
    }
    assert.equal((await logOf(secret.id)).view_times, 0);
    for (const agent of AGENTS.slice(0, 8)) {
      const page = await tools.open(secret.path, { userAgent: agent });
      await page.waitForLoadState("networkidle");
      await page.getByRole("button", { name: "Open the secret" }).waitFor();
      const told = await page.locator(ID).evaluateAll((nodes) => nodes.map((node) => node.outerHTML).join("\n"));
      // A preview has a title and a sentence, the same for every secret.
      assert.match(told, /<meta property="og:title" content="A secret for you">/);
      assert.ok(!/og:url|planted/.test(told) && !told.includes(secret.id), told);
      assert.match(await page.title(), /^A secret for you · /);
      // Some press elements that look like buttons, by script: that is not a user action.
      await page.evaluate(() => {
        for (const button of document.querySelectorAll("main button")) button.click();
        document.querySelector("main form").requestSubmit();
      });
      await page.waitForLoadState("networkidle");
    }
    assert.equal((await logOf(secret.id)).view_times, 0);
    const person = await tools.open(secret.path);
    await openSecret(person);
    assert.equal(await readSecret(person), "untouched");
  },

  async "what strangers write stays text"(tools) {
    const context = await tools.context();
    const page = await tools.open("/robots.txt", { context });
    for (let at = 0; at < PAYLOADS.length; at += 10) {
      const some = PAYLOADS.slice(at, at + 10);
      const attachments = some.map((name) => ({ name, type: name, data: new Uint8Array(1) }));
      const text = some.join("\n");
      const message = text.slice(0, 1000);
      const secret = await makeSecret({ text, attachments, message });
      await page.goto(secret.url);
      await openSecret(page);
      await inert(page);
      assert.equal(await readSecret(page), text);
      assert.equal(await page.locator("blockquote").textContent(), message);
      assert.equal(await page.locator(".files li").count(), some.length);
      await inert(page);
    }
    // In the address, and in the field for it.
    const secret = await makeSecret();
    for (const payload of PAYLOADS) {
      await page.goto("about:blank");
      await page.goto(`${servers.open.url}/${secret.id}/#${payload}`);
      await page.locator("main h1").waitFor();
      await inert(page);
    }
    await page.goto("about:blank");
    await page.goto(`${servers.open.url}/${secret.id}/`);
    await heading(page, "Part of the link is missing");
    for (const payload of PAYLOADS.filter((payload) => /^</.test(payload)).slice(0, 20)) {
      await page.getByLabel("The whole link").fill(`#${payload}`);
      await page.getByRole("button", { name: "Continue" }).click();
      await page.locator(".error:not([hidden])").waitFor();
      await inert(page);
    }
    assert.equal((await call("GET", "/api/secrets")).status, 200);
  },
});
