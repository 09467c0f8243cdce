// Links to secrets as they arrive: whole, damaged, without their key, with a wrong one.
import assert from "node:assert/strict";
import { run, servers } from "./harness.mjs";
import { GONE, heading, logOf, makeSecret, openSecret, readSecret } from "./view_secrets.mjs";

const MISSING = /Part of the link is missing|En del av länken saknas/;
const WRONG = /does not work|passar inte/;

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
    const go = page.getByRole("button", { name: "Continue" });
    const other = await makeSecret();
    for (const [text, told] of [
      ["", "Paste the link here."], ["#", "This contains no key"], [servers.open.url + none, "This contains no key"],
      [other.url, "This link leads to another secret."],
    ]) {
      await field.fill(text);
      await go.click();
      await page.getByText(told).waitFor();
    }
    await tools.check(page, "view-no-key-error");
    // The secret was not even requested.
    assert.deepEqual((await logOf(secret.id)).events, []);
    await field.fill(`Here you are:\n<${secret.url.replace("#", "#\n ")}>.`);
    await go.click();
    await openSecret(page);
    assert.equal(await readSecret(page), "hunter2");
    assert.ok(page.url().endsWith(secret.path));

    const alone = await makeSecret();
    const second = await tools.open(`/?${alone.id}`);
    await second.getByLabel("The whole link").fill(alone.key);
    await second.getByRole("button", { name: "Continue" }).click();
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
      await page.getByText("This key does not work either.").waitFor();
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
    const changed = (secret.key[0] === "Q" ? "R" : "Q") + secret.key.slice(1);
    const page = await tools.open(`/${secret.id}/#${changed}`);
    await page.getByRole("button", { name: "Open the secret" }).click();
    await heading(page, WRONG);
    // Nothing is fetched again: the lease may have ended.
    await page.route("**/api/**", (route) => route.abort());
    await page.evaluate((address) => { location.href = address; }, secret.url);
    await heading(page, "Here is your secret");
    assert.equal(await readSecret(page), "the only view");
    assert.equal((await logOf(secret.id)).view_times, 1);
  },

  async "a key that is cut is noticed before it costs a view"(tools) {
    const secret = await makeSecret({ text: "the only view", captcha: true });
    const press = (page) => page.getByRole("button", { name: /Open the secret|Öppna hemligheten/ }).click();
    for (const missing of [1, 2, 3, 4, 5, 10, 23]) {
      const page = await tools.open(`/${secret.id}/#${secret.key.slice(0, -missing)}`);
      const cut = page.getByRole("heading", { name: "The link was cut" });
      // So short a key may not be a key at all.
      const none = page.getByRole("heading", { name: MISSING });
      if (missing < 20) await press(page);
      await cut.or(none).waitFor();
      await page.close();
    }
    await tools.everyLook("view-cut", `/${secret.id}/#${secret.key.slice(0, -3)}`, async (page) => {
      await press(page);
      await heading(page, /The link was cut|Länken är kapad/);
      await page.locator("summary").click();
    });
    assert.equal((await logOf(secret.id)).view_times, 0);
    const page = await tools.open(`/?${secret.id}#${secret.key.slice(0, -3)}`);
    await press(page);
    await page.getByLabel("The whole link").fill(secret.url);
    await page.getByRole("button", { name: "Continue" }).click();
    await openSecret(page);
    assert.equal(await readSecret(page), "the only view");
    assert.equal((await logOf(secret.id)).view_times, 1);
  },

  async "a short key of another program opens"(tools) {
    for (const half of ["abc123", "kurz", "lösen", "a b"]) {
      const secret = await makeSecret({ text: `by ${half}`, half });
      const page = await tools.open(secret.path);
      await page.getByRole("button", { name: "Open the secret" }).click();
      if (/^[a-z0-9]+$/.test(half)) {
        await heading(page, "The link was cut");
        await page.getByText("My link is complete", { exact: true }).click();
        await page.getByRole("button", { name: "Back to the secret" }).click();
        assert.equal((await logOf(secret.id)).view_times, 0);
        await page.getByRole("button", { name: "Open the secret" }).click();
      }
      await heading(page, "Here is your secret");
      assert.equal(await readSecret(page), `by ${half}`);
    }
  },

  async "damaged links that lead elsewhere are mended, or asked for"(tools) {
    // Of our form, and not planted: with %23 a browser sends the key before any page can prevent it.
    const secret = await makeSecret({ text: "mended", max_views: 100, half: "FIGKEOTIRUBNAKQJRL" });
    const { id, key } = secret;
    const context = await tools.context();
    const forms = [
      `/${id}/%23${key}`, `/?${id}%23${key}`, `/${id}%23${key}`, `/${id}/%2523${key}`, `//${id}//#${key}`, `/${id}//#${key}`,
      `/${id}/##${key}`, `/${id}./#${key}`, `/%3C${id}/#${key}`, `/${id}/%20#${key}`, `/?${id}.#${key}`, `/?${id}%3E#${key}`,
      `/${id}%E2%80%8B/#${key}`, `/${id.slice(0, 9)}%20${id.slice(9)}/#${key}`, `/?${id.slice(0, 9)}%0A${id.slice(9)}#${key}`,
      `/"${id}"/#${key}`, `/?utm_source=mail&${id}#${key}`, `/${id}/&%2335;${key}`, `/${id}/,#${key}`, `/?%22${id}%22#%22${key}%22`,
    ];
    for (const form of forms) {
      const page = await tools.open(form, { context, allow: [/404/] });
      await openSecret(page);
      assert.equal(await readSecret(page), "mended", form);
      assert.ok(page.url().endsWith(secret.path) || page.url().includes(`${id}`), page.url());
      await page.evaluate(() => { sessionStorage.clear(); localStorage.clear(); });
      await page.close();
    }
    const hopeless = [
      `/#${key}`, `/?#${key}`, `/?${id.slice(0, 30)}#${key}`, `/${id.slice(0, 30)}/#${key}`, `/${id}x/#${key}`, `/?${id.slice(0, 20)}`,
      `/${id.slice(0, 25)}`, `/?${id}x=`, `/#top`, `/x/#${key}`,
    ];
    for (const form of hopeless) {
      const page = await tools.open(form, { context, allow: [/404/] });
      await heading(page, MISSING);
      assert.equal(await page.getByRole("button", { name: "Create link" }).count(), 0, form);
      await page.getByLabel("The whole link").fill(key);
      await page.getByRole("button", { name: "Continue" }).click();
      await page.getByText("This link is incomplete, too").waitFor();
      await page.close();
    }
    await tools.everyLook("damaged-link", `/?${id.slice(0, 30)}#${key}`, (page) => heading(page, MISSING));
    const page = await tools.open(`/#${key}`, { context });
    await page.getByLabel("The whole link").fill(`See <${servers.open.url}/?${id}%23${key}>, please`);
    await page.getByRole("button", { name: "Continue" }).click();
    await openSecret(page);
    assert.equal(await readSecret(page), "mended");
    // A text that is not a link stays unchanged.
    for (const [form, name] of [["/", "Create link"], ["/?lang=en", "Create link"], ["/?utm_source=x&ref=mail", "Create link"]]) {
      const other = await tools.open(form, { context });
      await other.getByRole("button", { name }).waitFor();
    }
    const other = await tools.open("/nothing/here", { context, allow: [/404/] });
    await heading(other, "This page does not exist");
  },

  async "the key leaves the address bar once the secret is gone"(tools) {
    const allow = [/404/];
    const gone = await tools.open(`/0123456789abcdefghijABCDEFGHIJx/#${(await makeSecret()).key}`, { allow });
    const single = await makeSecret();
    const burned = await tools.open(single.path, { allow });
    await openSecret(burned);
    assert.ok(burned.url().endsWith(single.path), "it is needed to load it again");
    await burned.getByRole("button", { name: "Delete now" }).click();
    await burned.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    const several = await makeSecret({ max_views: 2 });
    const left = await tools.open(`/?${several.id}#${several.key}`, { allow });
    await openSecret(left);
    await left.getByRole("button", { name: "Remove it from this page" }).click();
    await left.getByRole("dialog").locator("button.danger").click();
    for (const [page, title, path] of [
      [gone, GONE, "/0123456789abcdefghijABCDEFGHIJx/"], [burned, /deleted/i, `/${single.id}/`],
      [left, /./, `/?${several.id}`],
    ]) {
      await page.locator(".card h1").waitFor();
      await heading(page, title);
      await page.waitForFunction(() => !location.hash);
      assert.equal(page.url(), servers.open.url + path);
      const said = await page.locator("main").innerText();
      await page.reload();
      await heading(page, title);
      assert.equal(await page.locator("main").innerText(), said, "a reload shows the same");
    }
    // The whole link in the same tab starts again.
    const next = await makeSecret({ text: "another" });
    await left.goto(next.url);
    await openSecret(left);
    assert.equal(await readSecret(left), "another");
  },

  async "what was never a secret"(tools) {
    const page = await tools.open((await makeSecret({ bits: [-1] })).path);
    await page.getByRole("button", { name: "Open the secret" }).click();
    await heading(page, "The secret cannot be read");
    await tools.check(page, "view-damaged");
  },
});
