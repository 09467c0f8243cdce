// The operator's brand: name, colour, text, links and a style sheet of their own, on every page.
import assert from "node:assert/strict";
import { ALLOW, pages } from "./all_pages.mjs";
import { run } from "./harness.mjs";

const SERVER = "account";
/** The style sheet asks other places for files, which the policy of the pages refuses. */
const REFUSED = [/elsewhere\.example/];
/** axe reads style sheets, too, and what it does then is refused as well. */
const AXE = [/preload assets/, /Applying inline style/];

await run({
  async "links, text and style sheet of the operator"(tools) {
    await tools.everyLook("brand", "/", (page) => page.locator("textarea").first().waitFor(),
      { server: SERVER, allow: [...REFUSED, ...AXE] });
    for (const path of await pages()) {
      const page = await tools.open("/robots.txt", { server: SERVER, allow: [...REFUSED, ...ALLOW.allow] });
      const refusals = [];
      page.on("request", (request) => REFUSED[0].test(request.url()) && refusals.push(request));
      await page.goto(new URL(path, page.url()).href, { waitUntil: "networkidle" });
      await page.waitForSelector("h1");
      const footer = page.locator("footer.site");
      assert.equal(await footer.locator(".text").textContent(),
        "Run by Example Ltd. for its staff. Questions? Ask the help desk, ext. 112.");
      const links = await footer.locator("a").evaluateAll((all) => all.map(({ textContent, href, rel }) => [textContent, href, rel]));
      assert.deepEqual(links, [
        ["Legal notice", "https://example.org/imprint", "noreferrer"],
        ["Contact", "mailto:help@example.org", "noreferrer"],
        ["Status", "https://status.example.org/", "noreferrer"],
      ], path);
      assert.equal(await footer.locator(".text").evaluate((node) => getComputedStyle(node).fontStyle), "italic", path);
      // The style sheet, a font and a picture.
      const why = refusals.map((request) => request.failure()?.errorText);
      assert.deepEqual(why, ["csp", "csp", "csp"], path);
      await page.close();
    }
  },
});
