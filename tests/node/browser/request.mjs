// Answering a secret request: the page, the way of the answer to its requester, and requests that have ended.
import assert from "node:assert/strict";
import { advance, insecure, run, servers } from "./harness.mjs";
import { api, inlineFile, openLink } from "./secrets.mjs";
import { batches, inert } from "./xss.mjs";

const { account } = servers;
const SERVER = { server: "account" };

const ask = async (fields = {}) => {
  const { id } = await api(account, "POST", "secret_requests", { key: account.key, body: fields });
  return `/req/${id}`;
};
const secretField = (page) => page.locator("textarea").first();
const submit = (page) => page.locator("button[type=submit]").click();
const linkOf = async (page) => {
  await page.waitForSelector(".link-panel");
  return page.locator(".link-line input").inputValue();
};

await run({
  async "the page in every look"(tools) {
    const long = await ask({
      message: "Hej Karin!\n\nSkicka mig lösenordet till den nya servern, tack.\n/Björn", limit: 10, expiration: 24,
      secret_expiration: 48, secret_max_views: 3, secret_password: "x", secret_message: "To the new server",
    });
    await tools.everyLook("request", long, async (page) => { await page.waitForSelector(".what"); }, SERVER);
    await tools.everyLook("request-wrong", await ask(), async (page) => {
      await page.waitForSelector(".what");
      await submit(page);
      await page.waitForSelector(".error:not([hidden])");
    }, SERVER);
    await tools.everyLook("request-link", long, async (page) => {
      await secretField(page).fill("secret");
      await submit(page);
      await linkOf(page);
    }, SERVER);
    const mailed = await ask({ send_to_email: "karin.johansson@example.org", limit: 10 });
    await tools.everyLook("request-sent", mailed, async (page) => {
      await page.getByText("karin.johansson@example.org").first().waitFor();
      await secretField(page).fill("secret");
      await submit(page);
      await page.getByText(/on its way|på väg/).waitFor();
    }, SERVER);
    await tools.everyLook("request-gone", "/req/123e4567-e89b-42d3-a456-426614174000", async (page) => {
      await page.getByText(/has ended|har avslutats/).first().waitFor();
    }, { ...SERVER, allow: [/404/] });
  },

  async "an answer comes back to who asked"(tools) {
    const path = await ask({ message: "the code, please", limit: 2, secret_max_views: 2 });
    const page = await tools.open(path, SERVER);
    await page.getByText("the code, please").waitFor();
    await page.getByText("Can be viewed 2 times. It expires after 7 days.").waitFor();
    await secretField(page).fill("4711");
    await page.locator("input[type=file]").setInputFiles([
      { name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("file") },
    ]);
    await submit(page);
    const seen = await openLink(account, await linkOf(page));
    assert.equal(seen.text, "4711");
    assert.equal(inlineFile(seen.attachments[0]).toString(), "file");
    const [item] = await api(account, "GET", "secrets", { key: account.key });
    assert.equal(item.id, seen.id, "it is in the list of the requester");

    await page.getByRole("button", { name: "Send another secret" }).click();
    await page.getByRole("button", { name: "Continue without it" }).click();
    await secretField(page).waitFor();
    assert.equal(await secretField(page).inputValue(), "");
    await secretField(page).fill("4712");
    await submit(page);
    assert.equal((await openLink(account, await linkOf(page))).text, "4712");
    assert.equal(await page.getByRole("button", { name: "Send another secret" }).count(), 0);
    const late = await tools.open(path, { ...SERVER, allow: [/404/] });
    await late.getByText("This request has ended").waitFor();
  },

  async "back leads to the request, without the text"(tools) {
    const path = await ask({ limit: 5 });
    const page = await tools.open(path, SERVER);
    await secretField(page).fill("not to be seen again");
    await submit(page);
    await linkOf(page);
    await page.goBack();
    await page.getByRole("button", { name: "Continue without it" }).click();
    await page.waitForSelector("button[type=submit]");
    assert.equal(await secretField(page).inputValue(), "");
    assert.ok(!(await page.content()).includes("not to be seen again"));
  },

  async "the link goes out by mail"(tools) {
    const path = await ask({ send_to_email: "karin@example.org" });
    const page = await tools.open(path, SERVER);
    await page.getByText("The link is emailed to karin@example.org.").waitFor();
    await page.getByText(/both halves of the key/).waitFor();
    await secretField(page).fill("by mail");
    const sent = page.waitForRequest((request) => request.method() === "POST");
    await submit(page);
    await page.getByText("The link is on its way to karin@example.org.").waitFor();
    const { password_part_public: part, password_part_private: mine } = (await sent).postDataJSON();
    assert.match(atob(part), /^[A-Za-z0-9]{18}$/);
    assert.notEqual(part, mine);
    assert.equal(await page.locator(".link-panel").count(), 0, "no link to send");
  },

  async "the public half stays here where nothing is mailed"(tools) {
    const page = await tools.open(await ask(), SERVER);
    await secretField(page).fill("by hand");
    const sent = page.waitForRequest((request) => request.method() === "POST");
    await submit(page);
    const link = await linkOf(page);
    const body = (await sent).postData();
    assert.ok(!body.includes(link.split("#")[1]) && !body.includes(atob(link.split("#")[1])));
    assert.ok(!body.includes("password_part_public"));
  },

  async "what can go wrong keeps the text"(tools) {
    const path = await ask();
    const page = await tools.open(path, { ...SERVER, lang: "sv", allow: [/404|403|422|429|ERR_FAILED/] });
    await secretField(page).fill("finns kvar");
    const refuse = (status, field) => page.route("**/secrets", (route) => route.fulfill({
      status, contentType: "application/json", body: JSON.stringify({ error: { message: "untranslated", field } }),
    }), { times: 1 });
    const cases = [
      [403, null, /inte ta emot fler hemligheter/], [429, "send_to_email", /kan inte skickas med e-post/],
      [422, "password_part_public", /har ändrats/],
    ];
    for (const [status, field, text] of cases) {
      await refuse(status, field);
      await submit(page);
      await page.getByText(text).waitFor();
    }
    await page.route("**/secrets", (route) => route.abort(), { times: 1 });
    await submit(page);
    await page.getByText(/Servern kan inte nås/).waitFor();
    // Another sender uses it up meanwhile.
    const other = await tools.open(path, SERVER);
    await secretField(other).fill("faster");
    await submit(other);
    await linkOf(other);
    await submit(page);
    await page.getByText(/har avslutats/).waitFor();
    assert.equal(await secretField(page).inputValue(), "finns kvar");
    await tools.check(page, "request-ended-meanwhile");
    const offline = await tools.open("/docs", { ...SERVER, allow: [/ERR_FAILED/] });
    await offline.route("**/api/public/secret_requests/*", (route) => route.abort(), { times: 1 });
    await offline.goto(account.url + await ask());
    await offline.getByRole("button", { name: "Try again" }).click();
    await offline.waitForSelector(".what");
  },

  async "a request expires"(tools) {
    const path = await ask({ expiration: 1 });
    const page = await tools.open(path, SERVER);
    await page.getByText(/You can answer until/).waitFor();
    await advance("account", 3600);
    const late = await tools.open(path, { ...SERVER, allow: [/404/] });
    await late.getByText("This request has ended").waitFor();
  },

  async "without WebCrypto"(tools) {
    const page = await tools.open(insecure(account.url) + await ask(), { allow: [/Cross-Origin-Opener-Policy/] });
    await secretField(page).fill("plain");
    await submit(page);
    const link = await linkOf(page);
    assert.ok(link.startsWith(insecure(account.url)));
    assert.equal((await openLink(account, link)).text, "plain");
  },

  async "what others wrote is text"(tools) {
    for (const text of batches()) {
      const path = await ask({ message: text, secret_message: text });
      const page = await tools.open(path, SERVER);
      await page.waitForSelector(".what");
      assert.equal(await page.locator(".asked").evaluate((node) => node.textContent), text);
      await inert(page);
      await page.close();
    }
  },
});
