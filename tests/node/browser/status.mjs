// The page that shows its sender the status of a secret.
import assert from "node:assert/strict";
import { advance, run, servers } from "./harness.mjs";
import { api, makeSecret, openLink } from "./secrets.mjs";
import { batches, inert } from "./xss.mjs";

const { open, account } = servers;
const PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1";

const make = async (fields = {}) => {
  await advance("open", 3601);
  const made = await makeSecret(open, "text", fields);
  return { ...made, path: `/status/${made.id}#${made.manage_token}` };
};
const look = ({ id }, agent) => fetch(`${open.url}/api/public/secrets/${id}`, { headers: { "User-Agent": agent } });

await run({
  async "every state in every look"(tools) {
    const fresh = await make({ max_views: 3, password: "x", message: "to you", description: "of mine ".repeat(30) });
    const ready = async (page) => { await page.waitForSelector("dl"); };
    await tools.everyLook("status", fresh.path, ready);
    const viewed = await make({ max_views: 2 });
    for (const agent of [PHONE, "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "curl/8.5.0", "x".repeat(200)]) {
      await look(viewed, agent);
    }
    await openLink(open, viewed.link);
    await openLink(open, viewed.link);
    await tools.everyLook("status-viewed", viewed.path, async (page) => {
      await page.waitForSelector(".log");
      for (const summary of await page.locator(".agent summary").all()) await summary.click();
    });
    await tools.everyLook("status-burn", fresh.path, async (page) => {
      await ready(page);
      await page.locator("button.danger").click();
      await page.waitForSelector("dialog[open]");
    });
    await tools.everyLook("status-gone", fresh.path.replace(/#.*/, "#wrong"), async (page) => {
      await page.getByText(/nothing left to show|inget att visa/).waitFor();
    }, { allow: [/404/] });
    await tools.everyLook("status-whose", fresh.path.replace(/#.*/, ""), async (page) => {
      await page.waitForSelector(".sign-in");
    });
  },

  async "it can be changed until it is viewed"(tools) {
    const secret = await make({ expiration: 2 });
    const page = await tools.open(secret.path, { allow: [/409/] });
    const change = () => page.locator(".change summary").click();
    const save = () => page.getByRole("button", { name: "Save changes" }).click();
    const state = () => api(open, "GET", `public/secrets/${secret.id}/status`, {
      headers: { "Manage-Token": secret.manage_token },
    });
    await change();
    await save();
    await page.getByText("You have not changed anything.").waitFor();
    await tools.check(page, "status-change");
    const views = page.getByRole("spinbutton", { name: "Views" });
    await views.fill("0");
    await page.getByLabel("New content").fill("corrected");
    await page.getByLabel("The link you sent").fill(secret.link.slice(0, -5));
    await save();
    await page.getByText("Choose a whole number from 1 to 100.").waitFor();
    await page.getByText(/Paste the whole link of this secret/).waitFor();
    assert.equal((await state()).max_views, 1);
    await views.fill("2");
    await page.getByLabel("The link you sent").fill(`Here it is: ${secret.link}`);
    await page.getByRole("group", { name: "Expires, from now" }).getByText("1 day").click();
    await save();
    await page.locator(".notice.ok", { hasText: "Saved." }).waitFor();
    await page.getByText("0 of 2").waitFor();
    const changed = await state();
    assert.deepEqual([changed.max_views, changed.expiration, changed.view_times], [2, 24, 0]);

    // The same link opens the new content, and then nothing changes any more.
    await change();
    assert.equal((await openLink(open, secret.link)).text, "corrected");
    await page.getByRole("spinbutton", { name: "Views" }).fill("7");
    await save();
    await page.locator(".notice.ok", { hasText: "Nothing was changed: it has been viewed or deleted." }).waitFor();
    await page.getByText(/It was viewed once/).first().waitFor();
    assert.equal(await page.locator(".change").count(), 0);
    assert.equal((await state()).max_views, 2);
  },

  async "an account changes its own"(tools) {
    const made = await makeSecret(account, "text", {}, { key: account.key });
    const page = await tools.open(`/status/${made.id}`, { server: "account" });
    await page.getByLabel("Private key", { exact: true }).fill(account.key);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.locator(".change summary").click();
    await page.getByRole("group", { name: "Expires, from now" }).getByText("1 hour").click();
    await page.getByRole("button", { name: "Save changes" }).click();
    await page.locator(".notice.ok", { hasText: "Saved." }).waitFor();
    const [item] = await api(account, "GET", "secrets", { key: account.key });
    assert.equal(item.expiration, 1);
  },

  async "not viewed, viewed, used up"(tools) {
    const secret = await make({ max_views: 2 });
    const page = await tools.open(secret.path);
    await page.getByText("Nobody has viewed it yet.").waitFor();
    await page.getByText("Nothing has happened yet.").waitFor();
    const refresh = () => page.getByRole("button", { name: "Refresh" }).click();
    await look(secret, PHONE);
    await refresh();
    await page.getByText("Page opened, not viewed").first().waitFor();
    await page.getByText("127.0.0.1 · Safari on iPhone").waitFor();
    await openLink(open, secret.link);
    await refresh();
    await page.getByText(/It was viewed once, on .* 2026/).first().waitFor();
    await openLink(open, secret.link);
    await refresh();
    await page.getByText(/All 2 views are used up/).first().waitFor();
    assert.equal(await page.locator(".log .badge", { hasText: /^Viewed$/ }).count(), 2);
  },

  async "it expires"(tools) {
    const secret = await make({ expiration: 1 });
    await advance("open", 3600);
    const page = await tools.open(secret.path);
    await page.getByText(/It expired on .* Nobody viewed it/).waitFor();
  },

  async "burning asks first, and is for ever"(tools) {
    const secret = await make();
    const page = await tools.open(secret.path, { allow: [/404/] });
    const burn = () => page.locator(".actions .danger").first().click();
    await burn();
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", { state: "detached" });
    assert.equal((await look(secret, "curl/8")).status, 200);
    await burn();
    await page.locator("dialog .danger").click();
    await page.getByRole("heading", { name: "The secret is deleted" }).waitFor();
    assert.equal((await look(secret, "curl/8")).status, 404);
    // The token is not valid any more.
    assert.equal(page.url(), `${open.url}/status/${secret.id}`);
    const late = await tools.open(secret.path, { allow: [/404/] });
    await late.getByText("There is nothing left to show").waitFor();
    assert.equal(late.url(), `${open.url}/status/${secret.id}`);
    await page.reload();
    await page.getByText("There is nothing left to show").waitFor();
  },

  async "the network is away"(tools) {
    const secret = await make();
    const page = await tools.open("/docs", { allow: [/ERR_FAILED/] });
    await page.route("**/status", (route) => route.abort(), { times: 1 });
    await page.goto(open.url + secret.path);
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("Nobody has viewed it yet.").waitFor();
  },

  async "with the key of the account, also far down in the list"(tools) {
    const made = await makeSecret(account, "text", { description: "mine" }, { key: account.key });
    for (let count = 0; count < 60; count += 1) await makeSecret(account, "text", {}, { key: account.key });
    const page = await tools.open(`/status/${made.id}`, { server: "account" });
    await page.getByLabel("Private key", { exact: true }).fill(account.key);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("mine", { exact: true }).waitFor();
    await page.locator(".actions .danger").click();
    await page.locator("dialog .danger").click();
    await page.getByRole("heading", { name: "The secret is deleted" }).waitFor();
    await page.reload();
    await page.getByText("There is nothing left to show").waitFor();
  },

  async "what others wrote is text"(tools) {
    for (const text of batches()) {
      const made = await makeSecret(account, "text", { message: text, description: text }, { key: account.key });
      // A header value has no line ends, and only Latin 1.
      const agent = text.replace(/[^ -~]/g, " ").slice(0, 250);
      await fetch(`${account.url}/api/public/secrets/${made.id}`, { headers: { "User-Agent": agent } });
      const page = await tools.open("/docs", { server: "account" });
      await page.evaluate((key) => sessionStorage.setItem("key", key), account.key);
      await page.goto(`${account.url}/status/${made.id}`);
      await page.waitForSelector(".log");
      await page.locator(".agent summary").click();
      assert.equal(await page.locator("dd .pre").first().evaluate((node) => node.textContent), text);
      await inert(page);
      await page.close();
    }
  },
});
