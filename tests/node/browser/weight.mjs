// The size of each page, as it is sent to a browser that has nothing of it yet, and when the page of a secret is
// there. In the whole Chromium, which loads more than its engine does.
import assert from "node:assert/strict";
import { filled, nameOf, pages } from "./all_pages.mjs";
import { run, servers } from "./harness.mjs";
import { makeSecret, openSecret } from "./view_secrets.mjs";

/** The most bytes of a page, compressed and with headers, with everything that it loads. */
const LIMITS = {
  start: 90_000, view: 70_000, request: 66_000, ask: 52_000, "request-status": 52_000, status: 68_000, box: 84_000,
  "box-of-somebody": 84_000, manage: 90_000, docs: 68_000, claim: 40_000, nothing: 34_000,
};
/** The same for the page of a secret until the secret is open, with a check against bots. */
const MOST_OPEN = 75_000;

/** Counts what `page` loads from now on. `sum()` is in bytes, `told()` has each file. */
async function weigh(page) {
  const debug = await page.context().newCDPSession(page);
  await debug.send("Network.enable");
  const loaded = new Map();
  debug.on("Network.responseReceived", ({ requestId, response: { url } }) => loaded.set(requestId, { url, bytes: 0 }));
  debug.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    if (loaded.has(requestId)) loaded.get(requestId).bytes = encodedDataLength;
  });
  const all = () => [...loaded.values()].filter(({ url }) => url.startsWith("http"));
  return {
    debug,
    get files() { return all().length; },
    sum: () => all().reduce((bytes, { bytes: more }) => bytes + more, 0),
    told: () => all().map(({ url, bytes }) => `${bytes} ${url}`).join("\n"),
  };
}

await run({
  async "each page is small"(tools) {
    for (const path of [...await pages(), `/claim#${"0".repeat(64)}`]) {
      const context = await tools.context();
      const page = await context.newPage();
      const weight = await weigh(page);
      await page.goto(servers.open.url + path);
      await filled(page);
      await page.waitForLoadState("networkidle");
      const [name, sum] = [nameOf(path), weight.sum()];
      console.log(`${name}: ${sum} bytes in ${weight.files} files`);
      assert.ok(sum > 10_000 && sum <= LIMITS[name], `${name}, at most ${LIMITS[name]}:\n${weight.told()}`);
      await context.close();
    }
  },

  async "the page of a secret is soon there"(tools) {
    const secret = await makeSecret({ password: "p", captcha: true });
    const context = await tools.context({ size: "phone" });
    const page = await context.newPage();
    const weight = await weigh(page);
    await weight.debug.send("Emulation.setCPUThrottlingRate", { rate: 4 });
    await page.goto(servers.open.url + secret.path);
    await page.getByRole("button", { name: "Open the secret" }).waitFor();
    const soon = await page.evaluate(() => Math.round(performance.now()));
    await weight.debug.send("Emulation.setCPUThrottlingRate", { rate: 1 });
    await page.getByText("Done: you are not a bot").waitFor({ timeout: 90_000 });
    await page.getByLabel("Password", { exact: true }).fill("p");
    await openSecret(page);
    console.log(`the page of a secret, opened: ${weight.sum()} bytes, there after ${soon} ms (CPU slowed 4 times)`);
    assert.ok(weight.sum() > 10_000 && weight.sum() < MOST_OPEN, weight.told());
  },
}, { isWhole: true });
