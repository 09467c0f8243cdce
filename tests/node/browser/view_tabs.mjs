// One secret in several tabs of one browser: it is one view within the lease. The shared data is no secret.
import assert from "node:assert/strict";
import { advance, run, servers } from "./harness.mjs";
import { GONE, heading, logOf, makeSecret, openSecret, readSecret } from "./view_secrets.mjs";

const REFUSED = [/status of 4\d\d/];
const HERE = "Here is your secret";

/** All data that the tabs of a browser share. */
const shared = (page) => page.evaluate(() => JSON.stringify({ ...localStorage }));

await run({
  async "another tab shows it again"(tools) {
    const secret = await makeSecret({ text: "hunter2-planted", max_views: 1, password: "p" });
    const context = await tools.context();
    const first = await tools.open(secret.path, { context, allow: REFUSED });
    await first.getByLabel("Password", { exact: true }).fill("p");
    await openSecret(first);
    assert.ok(await first.getByText("other tabs of this browser").isVisible());
    const second = await tools.open(secret.path, { context, allow: REFUSED });
    await heading(second, HERE);
    assert.equal(await readSecret(second), "hunter2-planted");
    assert.equal((await logOf(secret.id)).view_times, 1);

    const stored = await shared(first);
    assert.ok(stored.includes(secret.id), stored);
    for (const planted of ["hunter2", secret.key, atob(secret.key), secret.key.slice(4, 16)]) {
      assert.ok(!stored.includes(planted), stored);
    }
    // No other client gets it: not another browser, and not this one without the key.
    const other = await tools.open(secret.path, { allow: REFUSED });
    await heading(other, GONE);
    const keyless = await tools.open(`/${secret.id}/`, { context });
    await keyless.waitForSelector("textarea.key");

    await second.getByRole("button", { name: "Delete now" }).click();
    await second.getByRole("button", { name: "Delete", exact: true }).click();
    await heading(second, "The secret is deleted");
    await first.getByText("You opened this secret in this browser.").waitFor();
    assert.ok(!(await first.content()).includes("hunter2"));
    assert.equal(await shared(second), "{}");
    await first.reload();
    await heading(first, GONE);
  },

  async "two tabs that ask at the same time"(tools) {
    const secret = await makeSecret({ max_views: 2 });
    const context = await tools.context();
    const asked = () => tools.open(secret.path, { context, allow: REFUSED });
    const tabs = [await asked(), await asked()];
    for (const tab of tabs) await tab.getByText("It can be opened 2 more times").waitFor();
    for (const tab of tabs) await openSecret(tab);
    assert.equal((await logOf(secret.id)).view_times, 1);
    // Removing it here does not end it for other tabs.
    await tabs[0].getByRole("button", { name: "Remove it from this page" }).click();
    await tabs[0].getByRole("button", { name: "Remove", exact: true }).click();
    await tabs[1].getByText("It can be opened once.").waitFor();
    await openSecret(tabs[1]);
    assert.equal((await logOf(secret.id)).view_times, 2);
  },

  async "a tab that is wrong about the end takes nothing from others"(tools) {
    const secret = await makeSecret({ max_views: 1 });
    const context = await tools.context();
    const page = await tools.open(secret.path, { context });
    await openSecret(page);
    assert.equal(await readSecret(page), "hunter2");
    const other = await tools.open("/", { context });
    const answered = page.waitForResponse(/\/view$/);
    await other.evaluate(() => localStorage.clear());
    await other.evaluate((id) => {
      localStorage.setItem(`lease:${id}`, "{}");
      localStorage.removeItem(`lease:${id}`);
    }, secret.id);
    await answered;
    assert.equal(await page.locator(".secret pre").textContent(), "hunter2");
    await page.waitForFunction((id) => localStorage.getItem(`lease:${id}`)?.includes("token"), secret.id);
    assert.equal((await logOf(secret.id)).view_times, 1);
  },

  async "an answer that one tab has lost"(tools) {
    const secret = await makeSecret({ max_views: 1 });
    const context = await tools.context();
    const page = await tools.open(secret.path, { context, allow: [/ERR_FAILED|Failed to load/] });
    await page.route("**/view", async (route) => {
      await route.fetch();
      await route.abort();
    });
    await page.getByRole("button", { name: "Open the secret" }).click();
    await page.getByText("The connection broke.").waitFor();
    await page.close();
    const other = await tools.open(secret.path, { context, allow: REFUSED });
    await heading(other, HERE);
    assert.equal((await logOf(secret.id)).view_times, 1);
  },

  async "the end of the lease"(tools) {
    const secret = await makeSecret({ max_views: 1 });
    const context = await tools.context();
    await context.clock.install();
    const page = await tools.open(secret.path, { context });
    await openSecret(page);
    assert.notEqual(await shared(page), "{}");
    await page.clock.runFor(61_000);
    assert.equal(await shared(page), "{}", "an open page forgets it");
    assert.ok(await page.locator(".again").isVisible());
    assert.ok(!await page.getByText("other tabs of this browser").isVisible());
    await advance("open", 61);
    const other = await tools.open(secret.path, { context, allow: REFUSED });
    await heading(other, GONE);

    // If all tabs were closed before, the next page forgets it; also an entry that is not from sealdrop.
    const next = await tools.open("/", { context });
    await next.evaluate(() => {
      const put = (id, state) => localStorage.setItem(`lease:${id}`, state);
      const token = "abcdefghijklmnopqrstuv";
      put("over", JSON.stringify({ token, opened: true, until: Date.now() - 1 }));
      put("from a clock that was wrong", JSON.stringify({ token, opened: true, until: Date.now() + 90 * 86_400_000 }));
      put("none", "{");
      put("endless", JSON.stringify({ token, opened: true }));
      put("live", JSON.stringify({ token, opened: true, until: Date.now() + 30_000 }));
      localStorage.setItem("other", "stays");
    });
    await next.reload();
    await next.waitForSelector("textarea");
    assert.deepEqual(Object.keys(JSON.parse(await shared(next))).sort(), ["lease:live", "other"]);
  },

  async "without storage"(tools) {
    const secret = await makeSecret({ max_views: 1 });
    const context = await tools.context();
    await context.addInitScript(() => {
      for (const name of ["localStorage", "sessionStorage"]) {
        Object.defineProperty(window, name, { get() { throw new DOMException("off", "SecurityError"); } });
      }
    });
    const page = await tools.open(secret.path, { context });
    await openSecret(page);
    assert.equal(await readSecret(page), "hunter2");
    assert.ok(!await page.getByText("other tabs of this browser").isVisible());
    assert.equal(page.url(), servers.open.url + secret.path);
  },
});
