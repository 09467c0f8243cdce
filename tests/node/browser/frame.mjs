// What all pages have in common: frame, languages, addresses, policy.
import assert from "node:assert/strict";
import { run, servers } from "./harness.mjs";

await run({
  async "a page that is not there"(tools) {
    await tools.everyLook("not-found", "/nothing/here", undefined, { allow: [/404/] });
  },

  async "the switch of languages keeps the fragment and stays"(tools) {
    const path = "/0123456789abcdefghijABCDEFGHIJx/#a2V5";
    const page = await tools.open(path, { allow: [/404/] });
    assert.equal(await page.getAttribute("html", "lang"), "en");
    await page.getByLabel("Language").selectOption("sv");
    await page.waitForSelector("html[lang=sv]");
    assert.equal(page.url(), servers.open.url + path);
    await page.goto(servers.open.url + "/docs");
    assert.equal(await page.getAttribute("html", "lang"), "sv");
  },
});
