// A page of an account: signing in, and the rules for the key.
import assert from "node:assert/strict";

/** Signs in as people do. */
export async function signIn(page, { key }) {
  await page.locator(".sign-in [autocomplete=current-password]").fill(key);
  await page.locator(".sign-in button[type=submit]").click();
  await page.waitForSelector("[role=tablist]");
}

/** Signs in without the form, for looks: the tab has the key already. */
export async function enter(page, { key }) {
  await page.evaluate((text) => sessionStorage.setItem("key", text), key);
  await page.reload();
  await page.waitForSelector("[role=tablist]");
  await settled(page);
}

/** The values that the shown tab has. */
export async function settled(page) {
  await page.waitForFunction(() => {
    const panel = document.querySelector("[role=tabpanel]:not([hidden])");
    return panel && !panel.querySelector("[aria-busy]") && panel.querySelector(".items *, .card");
  });
}

/** The key is in the storage of this tab (or, with `isGone`, in none), and in no other place. */
export async function keyIsKept(page, key, { isGone = false } = {}) {
  const found = await page.evaluate(() => ({
    session: sessionStorage.getItem("key"),
    local: JSON.stringify({ ...localStorage }),
    html: document.documentElement.outerHTML,
    values: [...document.querySelectorAll("input, textarea")].map(({ value }) => value).join("\n"),
    cookie: document.cookie,
    history: JSON.stringify(history.state),
  }));
  assert.equal(found.session, isGone ? null : key);
  for (const place of ["local", "html", "values", "cookie", "history"]) {
    assert.ok(!found[place].includes(key), `the key is in ${place}`);
  }
  const cookies = await page.context().cookies();
  assert.ok(!JSON.stringify(cookies).includes(key));
  assert.ok(!page.url().includes(key));
}
