// The account's page: signing in and out, and the secrets of an account.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { insecure, run, servers } from "./harness.mjs";
import { api, makeSecret, openLink } from "./secrets.mjs";
import { enter, keyIsKept, settled, signIn } from "./signed_in.mjs";
import { batches, inert, PAYLOADS } from "./xss.mjs";

const { account, open } = servers;
const { key } = account;
const PHONE = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36";
const REFUSED = [/403/];

const make = (fields = {}) => makeSecret(account, "text", fields, { key });
const total = async () => {
  const answer = await fetch(`${account.url}/api/secrets`, { headers: { Authorization: `ApiKey ${key}` } });
  return (await answer.json()).metadata.secrets_total;
};
const rows = (page) => page.locator(".items tbody tr:not(.more)");
const search = async (page, text) => {
  await page.getByLabel("Search secrets").fill(text);
  await page.getByLabel("Search secrets").press("Enter");
};

await run({
  async "signed out, wrong key, empty, in every look"(tools) {
    await tools.everyLook("manage-signed-out", "/manage", (page) => page.waitForSelector(".sign-in"), { server: "account" });
    await tools.everyLook("manage-wrong-key", "/manage", async (page) => {
      await page.locator(".sign-in [autocomplete=current-password]").fill("private_key_nobody");
      await page.locator(".sign-in button[type=submit]").click();
      await page.waitForSelector("[aria-invalid]");
    }, { server: "account", allow: REFUSED });
    await tools.everyLook("manage-empty", "/manage", (page) => enter(page, account), { server: "account" });
    await tools.everyLook("manage-requests-empty", "/manage#requests", (page) => enter(page, account), { server: "account" });
  },

  async "signing in"(tools) {
    const page = await tools.open("/manage", { server: "account", allow: REFUSED });
    await page.getByText("sealdrop apikey create").waitFor();
    const field = page.getByLabel("Private key", { exact: true });
    assert.equal(await field.getAttribute("type"), "password");
    const wrong = async (text, told) => {
      await field.fill(text);
      await field.press("Enter");
      await page.getByText(told).waitFor();
      assert.equal(await field.getAttribute("aria-invalid"), "true");
      assert.ok(await field.evaluate((node) => node === document.activeElement));
    };
    await wrong(account.public_key, "This is a public key.");
    await wrong("private_key_nobody", "This server does not know that key.");
    await wrong("something", "This server does not know that key.");
    // A key of another server.
    await wrong(open.key, "This server does not know that key.");
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    await signIn(page, account);
    await page.waitForFunction(() => document.activeElement?.tagName === "H1");
    await keyIsKept(page, key);

    await page.reload();
    await page.waitForSelector("[role=tablist]");
    await keyIsKept(page, key);
    const second = await page.context().newPage();
    await second.goto(`${account.url}/manage`);
    await second.waitForSelector(".sign-in");

    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByText("You are signed out.").waitFor();
    await keyIsKept(page, key, { isGone: true });
    assert.equal(await page.locator("[role=tab]").count(), 0);
    await page.goBack().catch(() => {});
    await page.goto(`${account.url}/manage#account`);
    await page.waitForSelector(".sign-in");
  },

  async "a key that is revoked meanwhile signs out"(tools) {
    const page = await tools.open("/manage", { server: "account", allow: REFUSED });
    await signIn(page, account);
    const refuse = (route) => route.fulfill({
      status: 403, contentType: "application/json",
      body: '{"error":{"message":"This API key is not known here","field":null}}',
    });
    await page.route("**/api/**", refuse);
    await page.getByRole("tab", { name: "Account" }).click();
    await page.getByText("is no longer valid").waitFor();
    await page.waitForSelector(".sign-in");
    await keyIsKept(page, key, { isGone: true });
  },

  async "tabs by keyboard and by address"(tools) {
    const page = await tools.open("/manage#requests", { server: "account" });
    await signIn(page, account);
    const chosen = () => page.locator("[role=tab][aria-selected=true]");
    assert.equal(await chosen().textContent(), "Requests");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    const steps = [["ArrowRight", "account"], ["ArrowRight", "secrets"], ["ArrowLeft", "account"], ["Home", "secrets"], ["End", "account"]];
    for (const [press, name] of steps) {
      await page.keyboard.press(press);
      assert.equal(await page.evaluate(() => document.activeElement.id), `tab-${name}`, press);
      assert.ok(page.url().endsWith(`/manage#${name}`), page.url());
      assert.equal(await page.locator("[role=tab][tabindex='0']").count(), 1);
      assert.equal(await page.locator("[role=tabpanel]:visible").getAttribute("id"), `panel-${name}`);
    }
    await page.goBack();
    await page.waitForFunction(() => document.querySelector("#tab-secrets").ariaSelected === "true");
  },

  async "filter, order, files, and several at once"(tools) {
    const names = ["=1+1 \"formula\"", "beta,\nsecond line", "alpha"];
    const made = [];
    for (const [at, description] of names.entries()) made.push(await make({ description, expiration: 10 - at }));
    await openLink(account, made[1].link);
    const page = await tools.open("/manage", { server: "account" });
    await enter(page, account);
    const listed = () => page.locator(".items .named").allTextContents();
    const settle = (count) => page.waitForFunction((count) => !document.querySelector(".paged progress")
      && document.querySelectorAll(".items tbody tr:not(.more)").length === count, count);
    const panel = page.locator("#panel-secrets");
    await panel.getByLabel("Sort").selectOption({ label: "By description" });
    await settle(3);
    assert.deepEqual(await listed(), [...names].sort((one, other) => one.localeCompare(other)));
    await panel.getByLabel("Sort").selectOption({ label: "Expiring first" });
    await page.waitForFunction(() => document.querySelector(".items .named")?.textContent === "alpha");
    assert.deepEqual(await listed(), ["alpha", names[1], names[0]]);
    await panel.getByLabel("Show", { exact: true }).selectOption({ label: "Waiting" });
    await settle(2);
    assert.deepEqual(await listed(), ["alpha", names[0]]);

    const saved = async (name) => {
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name }).click()]);
      return [download.suggestedFilename(), await readFile(await download.path(), "utf8")];
    };
    // What is shown is saved; without a filter, everything.
    const [jsonName, json] = await saved("Save as JSON");
    assert.equal(jsonName, "secrets.json");
    assert.deepEqual(JSON.parse(json).map(({ id }) => id), [made[2].id, made[0].id]);
    await page.getByRole("button", { name: "Show all" }).click();
    await settle(3);
    const [csvName, csv] = await saved("Save as CSV");
    assert.equal(csvName, "secrets.csv");
    assert.ok(csv.startsWith("\ufeffid,description,message,created_at,"));
    assert.ok(csv.includes(`"'=1+1 ""formula"""`) && csv.includes('"beta,\nsecond line"'), csv);
    assert.equal(csv.split("\r\n").length, 5);
    await tools.check(page, "manage-tools");

    await page.getByLabel("Select alpha").check();
    await page.getByRole("button", { name: "Delete 1 secret" }).waitFor();
    await panel.getByLabel("Select all on this page").check();
    await page.getByRole("button", { name: "Delete 3 secrets" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete now" }).click();
    await page.getByText("3 secrets were deleted.").waitFor();
    assert.equal(await total(), 0);
  },

  async "states and what happened"(tools) {
    const waiting = await make({ description: "for waiting", max_views: 3, password: "x y", view_button: true, message: "Read it by Friday" });
    const viewed = await make({ description: "for viewing", max_views: 3 });
    await fetch(`${account.url}/api/public/secrets/${viewed.id}`, { headers: { "User-Agent": PHONE } });
    await openLink(account, viewed.link);
    const used = await make({ message: "only a message, and quite a long one, so that it has to be cut somewhere. ".repeat(5) });
    await openLink(account, used.link);
    await make({});
    await make({ description: "Ett_mycket_långt_ord_utan_mellanslag_som_måste_brytas_någonstans_".repeat(4) });
    const locked = await make({ description: "for locking", password: "right" });
    for (let address = 0; address < 2; address += 1) {
      // Ten from one address are the limit; the state itself is the server's, and faked below.
      await fetch(`${account.url}/api/public/secrets/${locked.id}/view`, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: '{"password":"wrong"}',
      });
    }
    const page = await tools.open("/manage", { server: "account" });
    await page.route("**/api/secrets?*", async (route) => {
      const response = await route.fetch();
      const answer = await response.json();
      for (const secret of answer.data) if (secret.id === locked.id) secret.locked = true;
      await route.fulfill({ response, json: answer });
    });
    await signIn(page, account);
    const state = (text, words) => rows(page).filter({ hasText: text }).locator(".badge", { hasText: words }).waitFor();
    await state(waiting.id, "waiting");
    await state(viewed.id, "viewed 1 of 3");
    await state(used.id, "used up");
    await state(locked.id, "locked");
    assert.ok((await rows(page).first().textContent()).includes("for locking"), "newest first");

    await page.getByRole("button", { name: "Details of for viewing" }).click();
    const more = page.locator("tr.more:visible");
    await more.getByText("1 of 3").waitFor();
    await more.getByText("Page opened, not viewed").waitFor();
    await more.getByText("127.0.0.1 · Chrome on Android").waitFor();
    await more.getByText("Program").first().click();
    await more.locator(".agent .mono:visible").first().waitFor();
    await page.getByRole("button", { name: "Details of for waiting" }).click();
    await page.getByText(/a click, Password/i).waitFor();

    const openFirst = async (looked) => {
      await enter(looked, account);
      for (const name of ["for waiting", "for viewing"]) {
        await rows(looked).filter({ hasText: name }).getByRole("button").click();
      }
    };
    await tools.everyLook("manage-list", "/manage", (looked) => enter(looked, account), { server: "account" });
    await tools.everyLook("manage-details", "/manage", openFirst, { server: "account" });
    await tools.everyLook("manage-burn", "/manage", async (looked) => {
      await openFirst(looked);
      await looked.locator("tr.more:visible .button.danger").first().click();
      await looked.waitForSelector("dialog[open]");
    }, { server: "account" });
  },

  async "burning"(tools) {
    const secret = await make({ description: "burn me" });
    const before = await total();
    const page = await tools.open("/manage", { server: "account" });
    await signIn(page, account);
    await page.getByRole("button", { name: "Details of burn me" }).click();
    const burn = page.getByRole("button", { name: "Delete now" });
    await burn.click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    await api(account, "GET", `public/secrets/${secret.id}`);
    await burn.click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete now" }).click();
    await page.getByText("Deleted. Nobody can view it any more.").waitFor();
    await rows(page).filter({ hasText: "burn me" }).waitFor({ state: "detached" });
    assert.ok(await page.locator(".told").first().evaluate((node) => node === document.activeElement));
    await api(account, "GET", `public/secrets/${secret.id}`, { status: 404 });
    assert.equal(await total(), before - 1);
  },

  async "keyboard only"(tools) {
    const secret = await make({ description: "by keyboard" });
    const page = await tools.open("/manage", { server: "account" });
    const press = async (...keys) => { for (const one of keys) await page.keyboard.press(one); };
    const until = async (isThere, press = "Tab") => {
      for (let steps = 0; steps < 60; steps += 1) {
        if (await page.evaluate(isThere)) return;
        await page.keyboard.press(press);
      }
      assert.fail("not reached by keyboard");
    };
    await page.waitForSelector(".sign-in");
    await until(() => document.activeElement.type === "password");
    await page.keyboard.type(key);
    await press("Enter");
    await page.getByRole("button", { name: "Details of by keyboard" }).waitFor();
    await until(() => document.activeElement.ariaLabel === "Details of by keyboard");
    await press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.ariaExpanded), "true");
    await until(() => document.activeElement.textContent === "Delete now");
    await press("Space");
    await page.waitForSelector("dialog[open]");
    await press("Escape");
    await page.waitForSelector("dialog", { state: "detached" });
    await until(() => document.activeElement.textContent === "Delete now");
    await press("Enter");
    await page.waitForSelector("dialog[open]");
    await until(() => document.activeElement.textContent === "Delete now" && document.activeElement.closest("dialog"));
    await press("Enter");
    await page.getByText("Deleted.").waitFor();
    await api(account, "GET", `public/secrets/${secret.id}`, { status: 404 });
    await until(() => document.activeElement.textContent === "Sign out", "Shift+Tab");
    await press("Enter");
    await page.getByText("You are signed out.").waitFor();
  },

  async "hostile texts are texts"(tools) {
    const agents = PAYLOADS.filter((text) => /^[\x21-\x7e][\x20-\x7e]*$/.test(text));
    const texts = batches();
    for (const text of texts) {
      const secret = await make({ description: text, message: text, max_views: 2 });
      const mine = agents.splice(0, Math.ceil(100 / texts.length));
      for (const agent of mine) {
        await fetch(`${account.url}/api/public/secrets/${secret.id}`, { headers: { "User-Agent": agent } });
      }
      await fetch(`${account.url}/api/public/secrets/${secret.id}/view`, {
        method: "POST", headers: { "Content-Type": "application/json", "User-Agent": mine[0] ?? PAYLOADS[0] }, body: "{}",
      });
    }
    const page = await tools.open("/manage", { server: "account" });
    await signIn(page, account);
    const isThere = page.getByText(PAYLOADS[0], { exact: false });
    await isThere.first().waitFor();
    for (const button of await page.locator("tr:not(.more) .act button").all()) await button.click();
    for (const agent of await page.locator(".agent summary").all()) await agent.click();
    assert.ok(await page.locator(".agent").count() > 60);
    await inert(page);
    await search(page, "onerror");
    await page.getByText(/found among/).first().waitFor();
    await inert(page);
    for (const [index, text] of PAYLOADS.entries()) {
      if (index % 10) continue;
      await search(page, text);
      await page.getByText(/found among|1 to/).first().waitFor();
    }
    await inert(page);
    await page.locator("tr:not(.more) .act button").first().click();
    await page.locator("tr.more:visible .button.danger").first().click();
    await page.waitForSelector("dialog[open]");
    await inert(page);
  },

  async "pages and search of 120"(tools) {
    for (const { id } of await api(account, "GET", "secrets", { key })) {
      await api(account, "DELETE", `secrets/${id}`, { key });
    }
    const before = await total();
    const made = [];
    for (let number = 0; number < 120; number += 1) {
      const word = number === 3 ? "Fågelbär" : number % 40 === 7 ? "needle" : "hay";
      made.push(await make({ description: `${word} number-${number}-`, message: number === 5 ? "a rare message" : undefined }));
    }
    const all = before + 120;
    const page = await tools.open("/manage", { server: "account" });
    await signIn(page, account);
    await page.getByText(`1 to 50 of ${all}`).first().waitFor();
    assert.ok((await rows(page).first().textContent()).includes("number-119-"));
    assert.equal(await rows(page).count(), 50);
    await page.getByRole("button", { name: "Older" }).click();
    await page.getByText(`51 to 100 of ${all}`).first().waitFor();
    assert.ok((await rows(page).first().textContent()).includes("number-69-"));
    await page.getByRole("button", { name: "Older" }).click();
    await page.getByText(`101 to ${all} of ${all}`).first().waitFor();
    assert.equal(await page.getByRole("button", { name: "Older" }).getAttribute("aria-disabled"), "true");
    await page.getByRole("button", { name: "Newer" }).click();
    await page.getByText(`51 to 100 of ${all}`).first().waitFor();
    // What is created and deleted elsewhere moves nothing from one page to another.
    const added = await make({ description: "hay number-120-" });
    await api(account, "DELETE", `secrets/${made[119].id}`, { key });
    await api(account, "DELETE", `secrets/${made[70].id}`, { key });
    await page.getByRole("button", { name: "Older" }).click();
    await page.getByText(`100 to ${all - 1} of ${all - 1}`).first().waitFor();
    assert.ok((await rows(page).first().textContent()).includes("number-19-"));
    await api(account, "DELETE", `secrets/${added.id}`, { key });
    for (const number of [70, 119]) {
      made[number] = await make({ description: `hay number-${number}-` });
    }

    const found = async (text, count) => {
      await search(page, text);
      await page.locator(".told", { hasText: `${count} found among ${all}` }).waitFor();
    };
    await found("NEEDLE", 3);
    assert.equal(await rows(page).count(), 3);
    await found("fågelBÄR", 1);
    await found("needle number-47-", 1);
    await found("rare MESSAGE", 1);
    await found(made[10].id, 1);
    await found("nothing-like-this", 0);
    await page.getByText("Nothing found.").waitFor();
    await found("waiting number", 120);
    assert.equal(await rows(page).count(), 50);
    await page.getByRole("button", { name: "Older" }).click();
    await page.getByText("51 to 100 of 120").waitFor();
    // Burning one of them keeps the search.
    await found("needle", 3);
    await page.getByRole("button", { name: /Details of needle number-47-/ }).click();
    await page.getByRole("button", { name: "Delete now" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete now" }).click();
    await page.getByText("Deleted.").waitFor();
    assert.equal(await rows(page).count(), 2);
    await page.getByRole("button", { name: "Show all" }).click();
    await page.getByText(`1 to 50 of ${all - 1}`).first().waitFor();

    // Cancelled after the first page: the second is not requested.
    await page.route(/api\/secrets\?cursor=./, () => {});
    await search(page, "needle");
    await page.getByText(`50 of ${all - 1} searched`).waitFor();
    await tools.check(page, "manage-searching");
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByText(`Stopped: 1 found among 50. ${all - 51} were not searched`).first().waitFor();
    assert.equal(await rows(page).count(), 1);
    await page.unroute(/api\/secrets\?cursor=./);

    const hit = async (looked, text) => {
      await enter(looked, account);
      await looked.locator("input[type=search]").first().fill(text);
      await looked.locator("input[type=search]").first().press("Enter");
      await looked.locator(".told", { hasText: String(all - 1) }).waitFor();
    };
    await tools.everyLook("manage-pages", "/manage", (looked) => enter(looked, account), { server: "account" });
    await tools.everyLook("manage-found", "/manage", (looked) => hit(looked, "needle"), { server: "account" });
    await tools.everyLook("manage-no-hit", "/manage", (looked) => hit(looked, "nothing-like-this"), { server: "account" });
  },

  async "a server that is away, and is back"(tools) {
    await make();
    const page = await tools.open("/manage", { server: "account", allow: [/Failed to load/] });
    await signIn(page, account);
    await settled(page);
    await page.route("**/api/**", (route) => route.abort());
    await search(page, "x");
    await page.getByText("The server cannot be reached.").waitFor();
    await page.unroute("**/api/**");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText(/found among/).first().waitFor();
  },

  async "without WebCrypto"(tools) {
    await make({ description: "over plain http" });
    const page = await tools.open(insecure(`${account.url}/manage`), { allow: [/Cross-Origin-Opener-Policy/] });
    assert.equal(await page.evaluate(() => window.isSecureContext), false);
    await page.getByText("This connection is not encrypted").waitFor();
    await signIn(page, account);
    await page.getByRole("button", { name: "Details of over plain http" }).click();
    await page.getByText("Nothing has happened yet.").waitFor();
    await keyIsKept(page, key);
  },
});
