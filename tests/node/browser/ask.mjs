// Asking for a secret: the form, the link and the status link, the answer that only the requester opens, and
// the page that shows answers.
import assert from "node:assert/strict";
import { advance, insecure, recorder, run, servers } from "./harness.mjs";
import { api, openLink } from "./secrets.mjs";
import { batches, inert } from "./xss.mjs";

const { open, account } = servers;
const HOUR = 3601;

const submit = (page) => page.locator("button[type=submit]").click();
/** Fills in the form; returns the link to send and the status link. */
const ask = async (page, message = "") => {
  await page.locator("textarea").first().fill(message);
  await submit(page);
  await page.waitForSelector(".asked-link");
  const [link, status] = await page.locator(".link-line input").evaluateAll((lines) => lines.map(({ value }) => value));
  return { link, status };
};
/** Answers as a person with the link does. */
const answer = async (tools, link, text, options = {}) => {
  const page = await tools.open(link, options);
  await page.locator("textarea").first().fill(text);
  await submit(page);
  await page.getByRole("heading", { name: /^(Sent|Skickat|Skickad)/ }).waitFor();
  return page;
};
const openAnswer = async (page) => {
  const [opened] = await Promise.all([
    page.waitForEvent("popup"), page.locator(".answers a").first().click(),
  ]);
  return opened;
};

await run({
  async "the pages in every look"(tools) {
    await tools.everyLook("ask", "/ask", async (page) => { await page.waitForSelector("form"); });
    await tools.everyLook("ask-wrong", "/ask", async (page) => {
      for (const custom of await page.locator(".segments label:last-child").all()) await custom.click();
      await page.locator("input[type=datetime-local]").fill("");
      await page.locator("input[type=number]").fill("");
      await submit(page);
      await page.waitForSelector(".error:not([hidden])");
    });
    let made;
    for (const name of ["ask-link", "request-status-waiting"]) {
      await advance("open", HOUR);
      await tools.everyLook(name, "/ask", async (page) => {
        made = await ask(page, "The password of the new server, please.\n/Björn");
        if (name === "ask-link") return;
        await page.locator("a.button", { hasText: /status/i }).click();
        await page.waitForSelector("blockquote");
      });
    }
    await advance("open", HOUR);
    await answer(tools, made.link, "hush");
    await tools.everyLook("request-sealed", made.link.replace(open.url, ""), async (page) => {
      await page.waitForSelector("h1");
    }, { allow: [/404/] });
    await tools.everyLook("request-status-answered", made.status.replace(open.url, ""), async (page) => {
      await page.waitForSelector(".answers a");
    });
    await tools.everyLook("request-status-gone", "/req/123e4567-e89b-42d3-a456-426614174000/status#" + "0".repeat(64),
      async (page) => { await page.getByRole("heading", { name: /nothing left to show|inget/i }).waitFor(); }, { allow: [/404/] });
    await tools.everyLook("request-status-whose", "/req/123e4567-e89b-42d3-a456-426614174000/status",
      async (page) => { await page.waitForSelector(".sign-in"); });
  },

  async "an answer comes back to the one who asked, and to nobody else"(tools) {
    await advance("open", HOUR);
    recorder.plant("the text", "the planted code 4711");
    const page = await tools.open("/ask");
    const { link, status } = await ask(page, "the code, please");
    assert.match(link, /\/req\/[\w-]{36}#[\w-]{22}$/);
    assert.match(status, /\/req\/[\w-]{36}\/status#[0-9a-f]{64}\.[\w-]{43}$/);
    recorder.plant("the private key", status.split(".").at(-1));
    const waiting = await tools.open(status);
    await waiting.getByText("Nobody has answered yet.").waitFor();
    assert.equal(await waiting.locator(".link-line input").inputValue(), link);

    const sender = await tools.open(link);
    await sender.getByText("the code, please").waitFor();
    await sender.getByText("Nobody else can read it, not even this server.").waitFor();
    await sender.locator("textarea").first().fill("the planted code 4711");
    const sent = sender.waitForRequest((request) => request.method() === "POST");
    await submit(sender);
    const { sealed_part: part, password_part_public: half } = (await sent).postDataJSON();
    assert.match(part, /^[\w-]{132}$/);
    assert.equal(half, undefined);
    await sender.getByText("You do not need to do anything else.").waitFor();
    assert.equal(await sender.locator(".link-panel").count(), 0, "no link to send back");

    await waiting.getByRole("button", { name: "Refresh" }).click();
    await waiting.getByText("Your request is answered.").first().waitFor();
    const opened = await openAnswer(waiting);
    await opened.getByRole("button", { name: "Open the secret" }).click();
    await opened.getByRole("button", { name: "Show" }).click();
    assert.equal(await opened.locator(".secret pre").textContent(), "the planted code 4711");
    await waiting.getByRole("button", { name: "Refresh" }).click();
    await waiting.getByText(/^Opened /).waitFor();
    assert.equal(await waiting.locator(".answers a").count(), 0, "its view is spent");

    // Another key, and none, open nothing; the answers are still listed.
    for (const wrong of [status.slice(0, -43) + "A".repeat(43), status.slice(0, -44)]) {
      const other = await tools.open(wrong);
      await other.getByText(/^Opened /).waitFor();
      await other.close();
    }
  },

  async "the link is shared or mailed, and the status link is kept"(tools) {
    await advance("open", HOUR);
    const context = await tools.context({ permissions: ["clipboard-read", "clipboard-write"] });
    await context.addInitScript(() => {
      navigator.share = async (shared) => { window.shared = shared; };
    });
    const page = await tools.open("/ask", { context });
    const { link } = await ask(page);
    const mail = new URL(await page.getByRole("link", { name: "Email" }).getAttribute("href"));
    assert.ok(mail.searchParams.get("body").endsWith(`\r\n\r\n${link}`), mail.href);
    await page.getByRole("button", { name: "Share" }).click();
    assert.ok((await page.evaluate(() => window.shared.text)).endsWith(`\n\n${link}`));
    // The status link is nowhere else.
    const another = page.getByRole("button", { name: "Ask for another secret" });
    await another.click();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Copy status link" }).click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    await another.click();
    await page.locator("form").waitFor();
  },

  async "several answers, of which a wrong key opens none"(tools) {
    await advance("open", HOUR);
    const page = await tools.open("/ask");
    await page.getByRole("group", { name: "Answers" }).getByText("Custom").click();
    await page.getByLabel("Number of answers").fill("3");
    await page.getByRole("group", { name: "Expires" }).getByText("1 day").click();
    const { link, status } = await ask(page);
    const looked = await api(open, "GET", `public/secret_requests/${link.match(/req\/([\w-]{36})/)[1]}`);
    assert.equal(looked.uses_left, 3);
    const first = await answer(tools, link, "one");
    await first.getByRole("button", { name: "Send another secret" }).click();
    await first.locator("textarea").first().fill("two");
    await submit(first);
    await first.getByRole("heading", { name: "Sent" }).waitFor();
    const there = await tools.open(status);
    await there.getByText("2 of 3 answers are here.").waitFor();
    const links = await there.locator(".answers a").evaluateAll((all) => all.map(({ href }) => href));
    assert.equal((await openLink(open, links[1])).text, "two");
    assert.equal((await openLink(open, links[0])).text, "one");
    await answer(tools, link, "three");
    for (const wrong of [status.slice(0, -43) + "A".repeat(43), status.slice(0, -44)]) {
      const other = await tools.open(wrong);
      await other.getByText(/Use your whole status link/).waitFor();
      assert.equal(await other.locator(".answers a").count(), 0);
      await other.close();
    }
  },

  async "a replaced key gets nothing"(tools) {
    await advance("open", HOUR);
    const page = await tools.open("/ask");
    const { link } = await ask(page);
    const forged = await tools.open(link.replace(/#.*/, "#" + "A".repeat(22)));
    await forged.getByText("The key of this request does not match its link.").waitFor();
    await forged.locator("textarea").first().fill("careful");
    const sent = forged.waitForRequest((request) => request.method() === "POST");
    await submit(forged);
    assert.equal((await sent).postDataJSON().sealed_part, undefined);
    await forged.waitForSelector(".link-panel");
  },

  async "deleting asks first"(tools) {
    await advance("open", HOUR);
    const page = await tools.open("/ask");
    const { link, status } = await ask(page);
    await answer(tools, link, "gone soon");
    const there = await tools.open(status, { allow: [/404/] });
    await there.waitForSelector(".answers a");
    const [secret] = await there.locator(".answers a").evaluateAll((all) => all.map(({ href }) => href));
    await there.locator("button.danger").click();
    await there.keyboard.press("Escape");
    await there.locator("button.danger").click();
    await there.locator("dialog .danger").click();
    await there.getByRole("heading", { name: "The request is deleted" }).waitFor();
    assert.ok(!there.url().includes("#"), there.url());
    const id = new URL(secret).pathname.replaceAll("/", "");
    assert.equal((await fetch(`${open.url}/api/public/secrets/${id}`)).status, 404);
    const late = await tools.open(status, { allow: [/404/] });
    await late.getByRole("heading", { name: "There is nothing left to show" }).waitFor();
  },

  async "with the key of an account"(tools) {
    const page = await tools.open("/ask", { server: "account" });
    await page.locator(".sign-in [autocomplete=current-password]").fill(account.key);
    await submit(page);
    await page.locator("textarea").waitFor();
    const { link, status } = await ask(page, "for the account");
    assert.match(status, /\/status#\.[\w-]{43}$/);
    const [item] = await api(account, "GET", "secret_requests", { key: account.key });
    assert.equal(item.message, "for the account");
    await answer(tools, link, "to the account", { server: "account" });
    await page.getByRole("link", { name: "Open status page" }).click();
    await page.waitForSelector(".answers a");
    const [secret] = await page.locator(".answers a").evaluateAll((all) => all.map(({ href }) => href));
    assert.equal((await openLink(account, secret)).text, "to the account");
    const stranger = await tools.open(status, { server: "account" });
    await stranger.waitForSelector(".sign-in");
  },

  async "without WebCrypto the answer comes by link"(tools) {
    await advance("open", HOUR);
    const page = await tools.open(`${insecure(open.url)}/ask`, { allow: [/Cross-Origin-Opener-Policy/] });
    await page.getByText("They encrypt their answer and send you a link back.").waitFor();
    const { link, status } = await ask(page);
    assert.match(link, /\/req\/[\w-]{36}$/);
    assert.match(status, /#[0-9a-f]{64}$/);
    const sender = await tools.open(link, { allow: [/Cross-Origin-Opener-Policy/] });
    await sender.locator("textarea").first().fill("plain");
    await submit(sender);
    await sender.waitForSelector(".link-panel");
    const there = await tools.open(status, { allow: [/Cross-Origin-Opener-Policy/] });
    await there.getByText(/has the link to it/).waitFor();
  },

  async "the link is not lost by accident, and the network may be away"(tools) {
    await advance("open", HOUR);
    const page = await tools.open("/ask", { allow: [/ERR_FAILED/] });
    await page.route("**/secret_requests", (route) => route.abort(), { times: 1 });
    await page.locator("textarea").first().fill("stays");
    await submit(page);
    await page.waitForSelector(".notice.bad");
    assert.equal(await page.locator("textarea").first().inputValue(), "stays");
    await submit(page);
    await page.waitForSelector(".asked-link");
    await page.goBack();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.waitForSelector(".asked-link");
    await page.getByRole("button", { name: "Ask for another secret" }).click();
    await page.getByRole("button", { name: "Continue without it" }).click();
    await page.waitForSelector("form");
    assert.equal(await page.locator("textarea").first().inputValue(), "");
  },

  async "what others wrote is text"(tools) {
    for (const text of batches()) {
      await advance("open", HOUR);
      const made = await api(open, "POST", "public/secret_requests", { body: { message: text } });
      const page = await tools.open(`/req/${made.id}/status#${made.manage_token}`);
      await page.waitForSelector(".asked");
      assert.equal(await page.locator(".asked").evaluate((node) => node.textContent), text);
      await inert(page);
      await page.close();
    }
  },
});
