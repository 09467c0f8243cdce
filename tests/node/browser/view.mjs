// The page of a secret: every state of it, and the ways from one to another.
import assert from "node:assert/strict";
import { advance, insecure, run, servers } from "./harness.mjs";
import { call, GONE, heading, logOf, makeSecret, openSecret, readSecret } from "./view_secrets.mjs";

const LOST = [/ERR_FAILED|ERR_INTERNET_DISCONNECTED|Failed to load resource/];
const REFUSED = [/status of 4\d\d/];

/** As a browser does when its window is covered, or shown again. */
async function look(page, visible) {
  await page.evaluate((state) => {
    Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, visible ? "visible" : "hidden");
}

await run({
  async "what is asked"(tools) {
    const plain = await makeSecret();
    await tools.everyLook("view-ask", plain.path, (page) => page.getByText(/once|en gång/).waitFor());
    const all = await makeSecret({ password: "p", captcha: true, view_button: true, max_views: 3 });
    await tools.everyLook("view-ask-all", all.path, async (page) => {
      await page.getByText(/one of 3 views|en av 3 visningar/).waitFor();
      await page.getByText(/Done: you are not a bot|Klart: du är inte en robot/).waitFor();
    });
    assert.equal((await logOf(all.id)).view_times, 0);
  },

  async "one opens it and the next finds it gone"(tools) {
    const secret = await makeSecret({ text: "häxa\n  två 🔑", message: "for you" });
    const context = await tools.context({ size: "phone" });
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const page = await tools.open(secret.path, { context });
    await openSecret(page);
    assert.ok(await page.getByText("for you", { exact: true }).isVisible());
    assert.ok(!(await page.content()).includes("häxa"), "a covered text is not in the page");
    await page.getByRole("button", { name: "Copy" }).click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "häxa\n  två 🔑");
    assert.equal(await readSecret(page), "häxa\n  två 🔑");
    const place = page.locator("#secret");
    assert.deepEqual(await place.evaluate((node) => [node.translate, node.spellcheck]), [false, false]);
    await page.getByRole("button", { name: "Hide" }).click();
    assert.ok(!(await page.content()).includes("häxa"));
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Save as a file" }).click(),
    ]);
    assert.equal(download.suggestedFilename(), "secret.txt");

    const second = await tools.open(secret.path, { allow: REFUSED });
    await heading(second, GONE);
    assert.equal((await logOf(secret.id)).view_times, 1);
    await tools.everyLook("view-gone", secret.path, (page) => heading(page, GONE), { allow: REFUSED });
    const never = `/0123456789abcdefghijABCDEFGHIJx/#${secret.key}`;
    const third = await tools.open(never, { allow: REFUSED });
    await heading(third, GONE);
    assert.equal(await third.locator("main").innerText(), await second.locator("main").innerText());
  },

  async "how the secret looks"(tools) {
    const words = "A long line of words that has to be broken somewhere. ".repeat(6);
    const file = { name: `${"a long name ".repeat(6)}.pdf`, data: new Uint8Array(1234) };
    const secret = await makeSecret({
      text: `${words}\n${"x".repeat(300)}\n\nend`, attachments: [file], message: `A note.\n${words}`, max_views: 100,
    });
    await tools.everyLook("view-covered", secret.path, openSecret);
    await tools.everyLook("view-shown", secret.path, async (page) => {
      await openSecret(page);
      await readSecret(page);
    });
    await tools.everyLook("view-dialog", secret.path, async (page) => {
      await openSecret(page);
      await page.getByRole("button", { name: /Remove it|Ta bort den/ }).click();
      await page.getByRole("dialog").waitFor();
    });
    const empty = await tools.open((await makeSecret({ text: "" })).path);
    await openSecret(empty);
    assert.ok(await empty.getByText("The text is empty.").isVisible());
    for (const tagBits of [64, 96, 128]) {
      const old = await tools.open((await makeSecret({ text: `{${tagBits}`, tagBits })).path);
      await openSecret(old);
      assert.equal(await readSecret(old), `{${tagBits}`);
    }
  },

  async "a wrong password and then the right one"(tools) {
    const secret = await makeSecret({ password: "rätt lösen", max_views: 2 });
    const wrong = async (page) => {
      await page.getByLabel(/^(Password|Lösenord)$/).fill("fel");
      await page.getByRole("button", { name: /Open the secret|Öppna hemligheten/ }).click();
      await page.getByText(/This password is wrong|inte rätt lösenord/).waitFor();
    };
    await tools.everyLook("view-password-wrong", secret.path, wrong, { allow: REFUSED });
    const page = await tools.open(secret.path, { allow: REFUSED });
    const field = page.getByLabel("Password", { exact: true });
    assert.deepEqual(await field.evaluate((node) => [node.type, node.autocomplete]), ["password", "off"]);
    await page.getByRole("button", { name: "Open the secret" }).click();
    await page.getByText("Enter the password first.").waitFor();
    await wrong(page);
    assert.ok(await field.evaluate((node) => node === document.activeElement && node.ariaInvalid === "true"));
    assert.equal((await logOf(secret.id)).view_times, 0);
    await field.fill("rätt lösen");
    await openSecret(page);
    assert.equal(await readSecret(page), "hunter2");

    const other = await tools.open(secret.path, { allow: REFUSED });
    for (let time = 0; time < 12; time += 1) {
      await call("POST", `/api/public/secrets/${secret.id}/view`, { password: `no ${time}` });
    }
    await other.getByLabel("Password", { exact: true }).fill("rätt lösen");
    await other.getByRole("button", { name: "Open the secret" }).click();
    await other.getByText("Too many attempts. Try again in").waitFor();
    for (let hour = 0; hour < 11; hour += 1) {
      await advance("open", 3700);
      for (let time = 0; time < 10; time += 1) {
        await call("POST", `/api/public/secrets/${secret.id}/view`, { password: `no ${time}` });
      }
    }
    await advance("open", 3700);
    const locked = await tools.open(secret.path, { allow: REFUSED });
    await locked.getByLabel("Password", { exact: true }).fill("rätt lösen");
    await locked.getByRole("button", { name: "Open the secret" }).click();
    await locked.getByText("locked permanently").waitFor();
    assert.equal((await logOf(secret.id)).view_times, 1);
  },

  async "a proof of work"(tools) {
    const secret = await makeSecret({ captcha: true, password: "p" });
    const page = await tools.open(secret.path, { allow: REFUSED });
    await page.getByLabel("Password", { exact: true }).fill("q");
    // Pressed at once: the page waits until it is ready.
    await page.getByRole("button", { name: "Open the secret" }).click();
    await page.getByText("This password is wrong").waitFor();
    // The wrong password has used the proof up: another one is needed.
    await page.getByLabel("Password", { exact: true }).fill("p");
    await openSecret(page);
    assert.equal((await logOf(secret.id)).view_times, 1);

    const late = await makeSecret({ captcha: true });
    const second = await tools.open(late.path, { allow: REFUSED });
    await second.getByText("Done: you are not a bot").waitFor();
    await advance("open", 700);
    await openSecret(second);
    assert.equal((await logOf(late.id)).view_times, 1);
  },

  async "its time runs out"(tools) {
    const secret = await makeSecret({ expiration: 1 });
    const page = await tools.open(secret.path, { allow: REFUSED });
    await page.getByText("Available until").waitFor();
    await advance("open", 3601);
    await page.getByRole("button", { name: "Open the secret" }).click();
    await heading(page, GONE);
  },

  async "deleted by who has read it"(tools) {
    const secret = await makeSecret();
    const page = await tools.open(secret.path, { allow: REFUSED });
    await openSecret(page);
    await page.getByRole("button", { name: "Delete now" }).click();
    await page.getByRole("button", { name: "Cancel" }).click();
    assert.equal(await readSecret(page), "hunter2");
    await page.getByRole("button", { name: "Delete now" }).click();
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await heading(page, "The secret is deleted");
    assert.ok(!(await page.content()).includes("hunter2"));
    await tools.check(page, "view-burned");
    assert.ok((await logOf(secret.id)).events.some(({ event }) => event === "burned"));
    await page.reload();
    // The key was removed from the address bar; the text is still shown.
    await heading(page, "The secret is deleted");

    const twice = await makeSecret({ max_views: 2 });
    const first = await tools.open(twice.path);
    await openSecret(first);
    await first.getByRole("button", { name: "Remove it from this page" }).click();
    await first.getByRole("button", { name: "Remove", exact: true }).click();
    await heading(first, "The secret is removed from this page");
    await first.reload();
    await heading(first, "The secret is removed from this page");
    const again = await tools.open(twice.path);
    await again.getByText("It can be opened once.").waitFor();
  },

  async "an answer that got lost is asked for again"(tools) {
    const secret = await makeSecret({ max_views: 1 });
    const page = await tools.open(secret.path, { allow: LOST });
    let lost = 0;
    await page.route("**/view", async (route) => {
      lost += 1;
      if (lost > 1) return route.continue();
      await route.fetch();
      return route.abort();
    });
    await page.getByRole("button", { name: "Open the secret" }).click();
    await page.getByText("The connection broke.").waitFor();
    assert.equal((await logOf(secret.id)).view_times, 1);
    await openSecret(page);
    assert.equal(await readSecret(page), "hunter2");

    const other = await makeSecret({ max_views: 1 });
    const second = await tools.open(other.path, { allow: [...LOST, ...REFUSED] });
    await second.route("**/view", async (route) => {
      await route.fetch();
      await route.abort();
    });
    await second.getByRole("button", { name: "Open the secret" }).click();
    await second.getByText("The connection broke.").waitFor();
    await second.unroute("**/view");
    // It is not lost, not even by a reload of the page.
    await second.reload();
    await heading(second, "Here is your secret");
    assert.equal((await logOf(other.id)).view_times, 1);
  },

  async "reload and back spend nothing"(tools) {
    const secret = await makeSecret();
    const page = await tools.open(secret.path, { allow: REFUSED });
    await openSecret(page);
    await page.reload();
    await heading(page, "Here is your secret");
    assert.equal(await readSecret(page), "hunter2");
    await page.goto(`${servers.open.url}/docs`);
    await page.goBack();
    await heading(page, "Here is your secret");
    await page.getByLabel("Language").selectOption("sv");
    await heading(page, "Här är din hemlighet");
    assert.equal((await logOf(secret.id)).view_times, 1);
    await advance("open", 61);
    await page.reload();
    await heading(page, GONE);
    assert.ok(await page.getByText("Du har öppnat hemligheten").isVisible());

    // With views left there is a new start, which asks first.
    const more = await makeSecret({ max_views: 2 });
    const second = await tools.open(more.path, { allow: REFUSED });
    await openSecret(second);
    await advance("open", 61);
    await second.reload();
    await second.getByText("It can be opened once.").waitFor();
    assert.equal((await logOf(more.id)).view_times, 1);
    await openSecret(second);
    assert.equal((await logOf(more.id)).view_times, 2);
  },

  async "out of sight for long"(tools) {
    const secret = await makeSecret();
    const context = await tools.context();
    await context.clock.install();
    const page = await tools.open(secret.path, { context, allow: REFUSED });
    await openSecret(page);
    assert.equal(await readSecret(page), "hunter2");
    await look(page, false);
    await page.clock.runFor(290_000);
    await look(page, true);
    assert.equal(await page.locator(".secret pre").textContent(), "hunter2");
    assert.ok(await page.getByText("You cannot load the secret again").isVisible());
    await look(page, false);
    await page.clock.runFor(301_000);
    await heading(page, "This page has cleared itself");
    assert.ok(!(await page.content()).includes("hunter2"));
    await look(page, true);
    await tools.check(page, "view-cleared");

    // A phone stops timers: the time is checked at the return. The device's clock may be wrong about the lease.
    const other = await makeSecret({ max_views: 2 });
    const second = await tools.open(other.path, { context });
    await openSecret(second);
    await look(second, false);
    await second.clock.setSystemTime(new Date(Date.now() + 3 * 3600_000));
    await look(second, true);
    await heading(second, "This page has cleared itself");
    await second.getByRole("button", { name: "Back to the start" }).click();
    await second.getByText("It can be opened once.").waitFor();
  },

  async "put aside by the browser"(tools) {
    const secret = await makeSecret();
    const page = await tools.open(secret.path);
    await openSecret(page);
    await readSecret(page);
    await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true })));
    assert.ok(!(await page.content()).includes("hunter2"));
    await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
    await heading(page, "Here is your secret");
    assert.equal((await logOf(secret.id)).view_times, 1);
  },

  async "no connection"(tools) {
    const secret = await makeSecret();
    const context = await tools.context({ size: "phone" });
    const page = await tools.open(secret.path, { context, allow: LOST });
    await page.getByText("It can be opened once.").waitFor();
    await context.route("**/api/**", (route) => route.abort());
    await page.reload();
    await heading(page, "The server cannot be reached");
    await tools.check(page, "view-offline");
    await context.unroute("**/api/**");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("It can be opened once.").waitFor();
    await context.route("**/api/**", (route) => route.fulfill({ status: 503, body: "{}" }));
    await page.getByRole("button", { name: "Open the secret" }).click();
    await page.getByText("The server is busy.").waitFor();
    await context.unroute("**/api/**");
    await openSecret(page);
    assert.equal((await logOf(secret.id)).view_times, 1);
  },

  async "without WebCrypto"(tools) {
    const secret = await makeSecret({ text: "plain http", password: "p", captcha: true });
    const page = await tools.open(insecure(secret.url), { allow: [/Cross-Origin-Opener-Policy header has been ignored/] });
    assert.ok(await page.getByText("This connection is not encrypted").isVisible());
    await page.getByText("Done: you are not a bot").waitFor({ timeout: 60_000 });
    await page.getByLabel("Password", { exact: true }).fill("p");
    await openSecret(page);
    assert.equal(await readSecret(page), "plain http");
    await tools.check(page, "view-insecure");
    await page.getByRole("button", { name: "Copy" }).click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
  },

  async "with the keyboard only"(tools) {
    const secret = await makeSecret({ password: "p", max_views: 1 });
    // Before it deletes, the page checks whether views are left.
    const page = await tools.open(secret.path, { allow: REFUSED });
    await page.getByLabel("Password", { exact: true }).waitFor();
    const to = async (name) => {
      for (let times = 0; times < 30; times += 1) {
        const found = await page.evaluate(() => {
          const { ariaLabel, labels, textContent } = document.activeElement;
          return ariaLabel ?? labels?.[0]?.textContent ?? textContent;
        });
        if (found === name) return;
        await page.keyboard.press("Tab");
      }
      assert.fail(`no way to ${name}`);
    };
    await to("Password");
    await page.keyboard.type("p");
    await page.keyboard.press("Enter");
    await heading(page, "Here is your secret");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Here is your secret");
    await to("Show");
    await page.keyboard.press("Enter");
    assert.equal(await page.locator(".secret pre").textContent(), "hunter2");
    await to("Delete now");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await to("Delete");
    await page.keyboard.press("Enter");
    await heading(page, "The secret is deleted");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "The secret is deleted");
  },

  async "without JavaScript"(tools) {
    const secret = await makeSecret();
    const page = await tools.open(secret.path, { javaScriptEnabled: false });
    assert.match(await page.locator("main").innerText(), /No view is used up until you ask/);
    await tools.shot(page, "view-noscript");
    assert.equal((await logOf(secret.id)).view_times, 0);
  },
});
