// What all pages have in common: frame, languages, addresses, policy.
import assert from "node:assert/strict";
import { run } from "./harness.mjs";
import { makeSecret } from "./view_secrets.mjs";

await run({
  async "a page that is not there"(tools) {
    await tools.everyLook("not-found", "/nothing/here", undefined, { allow: [/404/] });
  },

  async "the switch of languages keeps the fragment and stays"(tools) {
    // A secret that exists: the key of a deleted one is removed from the address bar.
    const secret = await makeSecret();
    const page = await tools.open(secret.url);
    assert.equal(await page.getAttribute("html", "lang"), "en");
    await page.getByLabel("Language").selectOption("sv");
    await page.waitForSelector("html[lang=sv]");
    assert.equal(page.url(), secret.url);
    await page.goto(new URL("/docs", secret.url).href);
    assert.equal(await page.getAttribute("html", "lang"), "sv");
  },
});
