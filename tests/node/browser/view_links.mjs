// Links to secrets as they arrive: whole, damaged on their way, without their key, with a wrong one.
import assert from "node:assert/strict";
import { run, servers } from "./harness.mjs";
import { heading, logOf, makeSecret, openSecret, readSecret } from "./view_secrets.mjs";

const MISSING = /A part of the link is missing|En del av länken saknas/;
const WRONG = /does not fit|passar inte/;

await run({
  async "every form of a link opens"(tools) {
    const secret = await makeSecret({ text: "it opens", max_views: 100 });
    const { id, key } = secret;
    const forms = [
      `/${id}/#${key}`, `/?${id}#${key}`, `/${id}#${key}`,
      `/${id}/?utm_source=mail&utm_medium=x#${key}`, `/?${id}&utm_source=mail#${key}`, `/?${id}=#${key}`,
      `/${id}/?fbclid=IwAR0123456789abcdefghijABCDEFGHIJxyz#${key}`,
      ...["&utm_source=mail", "?utm_source=mail&x=y", ".", ">", "%3E", ")", "),", ",", "\"", "'", "”", "»", "/", "_", "*",
        "%3D", "=", "==", "%253D", "]", ";", "!", "&amp;x", "%20", "#"].map((end) => `/${id}/#${key}${end}`),
      `/${id}/#${key.slice(0, 9)}%20${key.slice(9)}`, `/${id}/#${key.slice(0, 9)}%0D%0A${key.slice(9)}`,
      `/${id}/#<${key}>`, `/${id}/#%20${key}`,
      `/${id}/#${[...key].map((char) => `%${char.charCodeAt(0).toString(16)}`).join("")}`,
    ];
    const context = await tools.context();
    for (const form of forms) {
      const page = await tools.open(form, { context });
      await openSecret(page);
      assert.equal(await readSecret(page), "it opens", form);
      // Each is a view of its own.
      await page.evaluate(() => { sessionStorage.clear(); localStorage.clear(); });
      await page.close();
    }
    assert.equal((await logOf(id)).view_times, forms.length);
  },

  async "a key is missing and pasted"(tools) {
    const secret = await makeSecret();
    const none = `/${secret.id}/`;
    await tools.everyLook("view-no-key", none, (page) => heading(page, MISSING));
    for (const hopeless of ["#", "#=", "#...", "#%", "#%FF%FE", "#top"]) {
      await heading(await tools.open(none + hopeless), MISSING);
    }
    const page = await tools.open(none);
    const field = page.getByLabel("The whole link");
    const go = page.getByRole("button", { name: "Go on" });
    const other = await makeSecret();
    for (const [text, told] of [
      ["", "Paste the link here."], ["#", "There is no key in this"], [servers.open.url + none, "There is no key in this"],
      [other.url, "This link is to another secret."],
    ]) {
      await field.fill(text);
      await go.click();
      await page.getByText(told).waitFor();
    }
    await tools.check(page, "view-no-key-error");
    // Nobody has so much as asked for it.
    assert.deepEqual((await logOf(secret.id)).events, []);
    await field.fill(`Here you are:\n<${secret.url.replace("#", "#\n ")}>.`);
    await go.click();
    await openSecret(page);
    assert.equal(await readSecret(page), "hunter2");
    assert.ok(page.url().endsWith(secret.path));

    const alone = await makeSecret();
    const second = await tools.open(`/?${alone.id}`);
    await second.getByLabel("The whole link").fill(alone.key);
    await second.getByRole("button", { name: "Go on" }).click();
    await openSecret(second);
    assert.equal(await readSecret(second), "hunter2");
  },

  async "a key does not fit and another is tried"(tools) {
    const secret = await makeSecret({ max_views: 100, text: "at last" });
    const changed = (secret.key[0] === "Q" ? "R" : "Q") + secret.key.slice(1);
    const path = `/${secret.id}/#${changed}`;
    const press = async (page) => {
      await page.getByRole("button", { name: /Open the secret|Öppna hemligheten/ }).click();
      await heading(page, WRONG);
    };
    await tools.everyLook("view-wrong-key", path, press);
    const spent = (await logOf(secret.id)).view_times;
    const page = await tools.open(path);
    await press(page);
    const field = page.getByLabel("The whole link");
    for (const wrong of [changed, secret.key.slice(0, 20)]) {
      await field.fill(wrong);
      await page.getByRole("button", { name: "Try this key" }).click();
      await page.getByText("That does not fit either.").waitFor();
      await field.fill("");
    }
    await page.route("**/api/**", (route) => route.abort());
    await field.fill(secret.url);
    await page.getByRole("button", { name: "Try this key" }).click();
    await heading(page, "Here is your secret");
    assert.equal(await readSecret(page), "at last");
    assert.ok(page.url().endsWith(secret.path));
    assert.equal((await logOf(secret.id)).view_times, spent + 1);
  },

  async "a key does not fit and the whole link is put into the address bar"(tools) {
    const secret = await makeSecret({ text: "the only view" });
    const page = await tools.open(`/${secret.id}/#${secret.key.slice(0, 20)}`);
    await page.getByRole("button", { name: "Open the secret" }).click();
    await heading(page, WRONG);
    // Nothing is fetched again: the lease may be over.
    await page.route("**/api/**", (route) => route.abort());
    await page.evaluate((address) => { location.href = address; }, secret.url);
    await heading(page, "Here is your secret");
    assert.equal(await readSecret(page), "the only view");
    assert.equal((await logOf(secret.id)).view_times, 1);
  },

  async "what was never a secret"(tools) {
    const page = await tools.open((await makeSecret({ bits: [-1] })).path);
    await page.getByRole("button", { name: "Open the secret" }).click();
    await heading(page, "The secret can not be read");
    await tools.check(page, "view-damaged");
  },
});
