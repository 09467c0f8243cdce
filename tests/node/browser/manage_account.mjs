// The account's page: usage, notifications, webhooks. The server "account" may call private addresses here,
// "open" may not, and sends no mails.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { run, savedFile, servers } from "./harness.mjs";
import { api, makeSecret, openLink } from "./secrets.mjs";
import { enter, keyIsKept, signIn } from "./signed_in.mjs";
import { inert, PAYLOADS } from "./xss.mjs";

const { Webhook } = createRequire(import.meta.url)("standardwebhooks");
const { account, open } = servers;
const { key } = account;
const PATH = "/manage#account";

/** A receiver of calls: `{ url, next(), close() }`. */
async function receiver(status = 200) {
  const came = [];
  const waiting = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (part) => { body += part; });
    request.on("end", () => {
      response.writeHead(status).end();
      const call = { body, headers: request.headers };
      if (waiting.length) waiting.shift()(call);
      else came.push(call);
    });
  });
  await new Promise((done) => { server.listen(0, "127.0.0.1", done); });
  return {
    url: `http://127.0.0.1:${server.address().port}/hook`,
    next: () => (came.length ? Promise.resolve(came.shift()) : new Promise((done) => { waiting.push(done); })),
    close: () => server.close(),
  };
}

/** The content of a call. Its time is that of the server's clock, which a test moves: it is taken as now. */
function verified(webhook, { body, headers }) {
  const { now } = Date;
  Date.now = () => Number(headers["webhook-timestamp"]) * 1000;
  try {
    return webhook.verify(body, headers);
  } finally {
    Date.now = now;
  }
}

const add = async (page, url) => {
  await page.locator("input[type=url]").fill(url);
  await page.locator(".add-hook button[type=submit]").click();
};
/** Opens the details of the first webhook of the list. */
const openHook = (page) => page.locator(".hooks .act button").first().click();
const signingKey = (page) => page.locator(".copyline input").inputValue();

await run({
  async "figures"(tools) {
    await makeSecret(account, "text", {}, { key });
    await api(account, "POST", "secret_requests", { body: {}, key });
    const page = await tools.open(PATH, { server: "account" });
    await signIn(page, account);
    await page.getByRole("heading", { name: "Signed in as tester" }).waitFor();
    await page.getByText("Created this month: 1 of 1,000,000").waitFor();
    await page.getByText("999,999 left").waitFor();
    await page.getByText("1 of 10,000").waitFor();
    // It is updated each time it is shown.
    await makeSecret(account, "text", {}, { key });
    await page.getByRole("tab", { name: "Secrets" }).click();
    await page.getByRole("tab", { name: "Account" }).click();
    await page.getByText("Created this month: 2 of").waitFor();
  },

  async "who is notified"(tools) {
    const page = await tools.open(PATH, { server: "account", allow: [/422/] });
    await signIn(page, account);
    const email = page.getByLabel("Notify this address");
    await page.getByText("You get no notifications.").waitFor();
    await email.fill("not an address");
    await email.press("Enter");
    await page.getByText("This is not an email address").waitFor();
    assert.ok(await email.evaluate((node) => node === document.activeElement && node.ariaInvalid === "true"));
    await email.fill("me@example.org");
    await email.press("Enter");
    await page.getByText("Saved. Notifications go to me@example.org.").waitFor();
    assert.equal((await api(account, "GET", "account", { key })).notify_email, "me@example.org");
    await page.reload();
    await page.getByText("Notifications go to me@example.org.").waitFor();
    await email.fill("");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByText("You get no notifications from now on.").waitFor();
    assert.equal((await api(account, "GET", "account", { key })).notify_email, null);
    const other = await tools.open(PATH);
    await signIn(other, open);
    await other.getByText("This server cannot send email").waitFor();
    assert.equal(await other.getByLabel("Notify this address").count(), 0);
  },

  async "a webhook from its start to its end"(tools) {
    const hook = await receiver();
    const page = await tools.open(PATH, { server: "account" });
    await signIn(page, account);
    await page.getByText("There are no webhooks yet.").waitFor();
    await add(page, `${hook.url}?token=abc`);
    await page.getByRole("heading", { name: "The webhook is added" }).waitFor();
    const verify = new Webhook(await signingKey(page));
    await keyIsKept(page, key);
    await openHook(page);
    await page.getByRole("button", { name: /^Test/ }).click();
    const tried = await hook.next();
    assert.equal(verified(verify, tried).type, "test");
    await page.getByText("The call was answered with 200.").waitFor();
    const secret = await makeSecret(account, "text", {}, { key });
    await openLink(account, secret.link);
    const told = await hook.next();
    assert.deepEqual(verified(verify, told).data, { secret_id: secret.id });

    // The key is shown once, the query never.
    await page.reload();
    await page.getByText(`${hook.url}?…`).waitFor();
    assert.equal(await page.locator(".copyline").count(), 0);
    await page.getByText("a secret was viewed, a link was opened too late, a request was answered").waitFor();
    await openHook(page);
    await page.getByRole("button", { name: /^Remove/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await page.getByText("The webhook is removed.").waitFor();
    await page.getByText("There are no webhooks yet.").waitFor();
    assert.deepEqual((await api(account, "GET", "account", { key })).webhooks, []);
    hook.close();
  },

  async "some events only"(tools) {
    const hook = await receiver(500);
    const page = await tools.open(PATH, { server: "account" });
    await signIn(page, account);
    for (const name of ["a link was opened too late", "a secret was viewed"]) await page.getByLabel(name).uncheck();
    await add(page, hook.url);
    await page.getByRole("heading", { name: "The webhook is added" }).waitFor();
    const [{ id, events }] = (await api(account, "GET", "account", { key })).webhooks;
    assert.deepEqual(events, ["secret_request.answered"]);
    await openHook(page);
    await page.getByRole("button", { name: /^Test/ }).click();
    await page.getByText(/The call failed: .*500/).waitFor();
    hook.close();
    await api(account, "DELETE", `account/webhooks/${id}`, { key });
  },

  async "errors of webhooks"(tools) {
    const page = await tools.open(PATH, { allow: [/422/, /403/] });
    await signIn(page, open);
    const wrong = async (url, told) => {
      await add(page, url);
      await page.getByText(told).waitFor();
      const field = page.locator("input[type=url]");
      assert.ok(await field.evaluate((node) => node === document.activeElement && node.ariaInvalid === "true"), url);
    };
    await wrong("", "Enter an address.");
    await wrong("example", "This is not a complete address");
    await wrong("ftp://example.org", "This is not a complete address");
    await wrong("https://me:secret@example.org", "Leave out the user name");
    await wrong("https://example.org/#part", "Leave out the user name");
    await wrong("http://127.0.0.1:1/hook", "This server does not call addresses in private networks.");
    await wrong("http://[::1]/hook", "This server does not call addresses in private networks.");
    for (const name of ["a secret was viewed", "a link was opened too late", "a request was answered"]) {
      await page.getByLabel(name).uncheck();
    }
    await add(page, "https://example.org/hook");
    await page.getByText("Choose at least one.").waitFor();
    await page.getByLabel("a secret was viewed").check();
    // A name is looked up only when it is called.
    await add(page, "http://localhost:1/hook");
    await page.getByRole("heading", { name: "The webhook is added" }).waitFor();
    await openHook(page);
    await page.getByRole("button", { name: /^Test/ }).click();
    await page.getByText(/The call failed: /).waitFor();
    for (let number = 1; number < 10; number += 1) {
      await api(open, "POST", "account/webhooks", { body: { url: `https://example.org/${number}` }, key: open.key });
    }
    await add(page, "https://example.org/11");
    await page.getByText("An account can have up to 10 webhooks.").waitFor();
    for (const { id } of (await api(open, "GET", "account", { key: open.key })).webhooks) {
      await api(open, "DELETE", `account/webhooks/${id}`, { key: open.key });
    }
  },

  async "filter, order and files of webhooks"(tools) {
    const path = (text) => `https://example.org/${text}?token=hidden`;
    for (const [text, events] of [["b", ["secret.viewed"]], ["c", ["secret_request.answered"]], ["a", []]]) {
      await api(account, "POST", "account/webhooks", { body: { url: path(text), events }, key });
    }
    const page = await tools.open(PATH, { server: "account" });
    await enter(page, account);
    const hooks = page.locator(".hooks");
    const settle = (...urls) => page.waitForFunction((urls) => {
      const shown = [...document.querySelectorAll(".hooks .items .named")].map((node) => node.textContent);
      return !document.querySelector(".hooks progress") && JSON.stringify(shown) === JSON.stringify(urls);
    }, urls.map((text) => `https://example.org/${text}?…`));
    await settle("a", "c", "b");
    await hooks.getByLabel("Sort").selectOption({ label: "By address" });
    await settle("a", "b", "c");
    await hooks.getByLabel("Show", { exact: true }).selectOption({ label: "a secret was viewed" });
    await settle("a", "b");
    const { name, bytes } = await savedFile(page, () => hooks.getByRole("button", { name: "Save as JSON" }).click());
    assert.equal(name, "webhooks.json");
    const saved = JSON.parse(bytes);
    assert.deepEqual(saved.map(({ url }) => url), ["https://example.org/a?…", "https://example.org/b?…"]);
    assert.deepEqual(Object.keys(saved[0]), ["id", "url", "events", "created_at"]);
    await hooks.getByRole("button", { name: "Show all" }).click();
    await settle("a", "c", "b");
    const csv = await savedFile(page, () => hooks.getByRole("button", { name: "Save as CSV" }).click());
    assert.equal(csv.name, "webhooks.csv");
    assert.equal(csv.bytes.toString("utf8").split("\r\n").length, 5);
    await tools.check(page, "manage-hooks-tools");
    for (const { id } of (await api(account, "GET", "account", { key })).webhooks) {
      await api(account, "DELETE", `account/webhooks/${id}`, { key });
    }
  },

  async "hostile addresses"(tools) {
    const page = await tools.open(PATH, { allow: [/422/] });
    await signIn(page, open);
    for (const [index, payload] of PAYLOADS.entries()) {
      if (index % 5) continue;
      await page.locator("input[type=url]").fill(payload);
      await page.locator(".add-hook button[type=submit]").click();
      await page.waitForSelector(".add-hook [aria-invalid]");
    }
    await add(page, `https://example.org/${PAYLOADS[0]}?x=${PAYLOADS[14]}`.replaceAll("#", ""));
    await page.getByRole("heading", { name: "The webhook is added" }).waitFor();
    await inert(page);
    // The simulated answer of the endpoint to a test.
    await page.route("**/test", (route) => route.fulfill({
      json: { data: { id: "w1", delivered: false, status: null, error: PAYLOADS.slice(0, 20).join(" ") } },
    }));
    await openHook(page);
    await page.getByRole("button", { name: /^Test/ }).click();
    await page.getByText("The call failed:").waitFor();
    await inert(page);
    for (const { id } of (await api(open, "GET", "account", { key: open.key })).webhooks) {
      await api(open, "DELETE", `account/webhooks/${id}`, { key: open.key });
    }
  },

  async "every look"(tools) {
    const hook = await receiver();
    for (const path of ["/hook", `/${"long".repeat(60)}?token=x`]) {
      await api(account, "POST", "account/webhooks", { body: { url: hook.url.replace("/hook", path) }, key });
    }
    await tools.everyLook("manage-account", PATH, (page) => enter(page, account), { server: "account" });
    await tools.everyLook("manage-account-no-mail", PATH, (page) => enter(page, open));
    await tools.everyLook("manage-hook-added", PATH, async (page) => {
      await enter(page, account);
      // The oldest one; the others of the list lead nowhere.
      await page.locator(".hooks .act button").last().click();
      await page.locator(".hooks .inner .button:not(.danger)").click();
      await page.waitForSelector(".hooks .notice.ok");
      await add(page, "https://example.org/hook");
      await page.waitForSelector(".copyline");
    }, { server: "account" });
    await tools.everyLook("manage-hook-wrong", PATH, async (page) => {
      await enter(page, open);
      for (const box of await page.locator(".add-hook input[type=checkbox]").all()) await box.uncheck();
      await add(page, "example");
      await page.waitForSelector("[aria-invalid]");
    });
    hook.close();
  },
});
