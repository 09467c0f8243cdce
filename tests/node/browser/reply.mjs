// "Answer with a secret": the sender allows it, the recipient answers once, and only the sender opens it.
import assert from "node:assert/strict";
import { advance, insecure, recorder, run, servers } from "./harness.mjs";
import { api, openLink } from "./secrets.mjs";

const { open, account } = servers;
const HOUR = 3601;

/** Sends a text and allows a reply; returns the link and the status link. */
const send = async (page, text) => {
  await page.locator("textarea").first().fill(text);
  await page.locator(".settings summary").first().click();
  await page.getByLabel("Let the recipient answer").check();
  await page.locator("button[type=submit]").click();
  await page.waitForSelector(".link-panel");
  const [link] = await page.locator(".link-line input").evaluateAll((lines) => lines.map(({ value }) => value));
  const status = await page.locator(".follow a").getAttribute("href");
  return { link, status: new URL(status, page.url()).href };
};
const view = async (tools, link, options) => {
  const page = await tools.open(link, options);
  await page.getByRole("button", { name: /Open the secret|Öppna hemligheten/ }).click();
  await page.waitForSelector(".secret");
  return page;
};
const sent = /The sender can open your answer now|Avsändaren kan öppna ditt svar nu/;

await run({
  async "the parts in every look"(tools) {
    let made;
    for (const name of ["reply", "reply-form"]) {
      await tools.everyLook(name, "/ask", async (page) => {
        await advance("open", HOUR);
        const sender = await tools.open("/");
        made = await send(sender, "hush");
        await sender.close();
        await page.goto(made.link);
        await page.getByRole("button", { name: /Open the secret|Öppna hemligheten/ }).click();
        await page.waitForSelector(".reply");
        if (name === "reply") return;
        await page.locator(".reply button").click();
        await page.locator(".reply button[type=submit]").click();
        await page.waitForSelector(".reply .error:not([hidden])");
      });
    }
    await tools.everyLook("reply-none", made.status.replace(open.url, ""), async (page) => {
      await page.waitForSelector("dl");
    });
  },

  async "an answer comes back to the sender, once"(tools) {
    await advance("open", HOUR);
    recorder.plant("the text", "planted question");
    recorder.plant("the answer", "planted answer");
    const page = await tools.open("/");
    const { link, status } = await send(page, "planted question");
    assert.match(status, /\/status\/\w{31}#[0-9a-f]{64}\.[\w-]{43}$/);
    recorder.plant("the private key", status.split(".").at(-1));
    const viewer = await view(tools, link);
    await viewer.getByRole("button", { name: "Answer with a secret" }).click();
    await viewer.locator(".reply textarea").fill("planted answer");
    await viewer.getByRole("button", { name: "Encrypt and send" }).click();
    await viewer.getByText(sent).waitFor();
    assert.equal(await viewer.locator(".reply textarea").count(), 0);

    const there = await tools.open(status);
    await there.getByText(/^An answer came on /).waitFor();
    const [opened] = await Promise.all([
      there.waitForEvent("popup"), there.getByRole("link", { name: "Open answer" }).click(),
    ]);
    await opened.getByRole("button", { name: "Open the secret" }).click();
    await opened.getByRole("button", { name: "Show" }).click();
    assert.equal(await opened.locator(".secret pre").textContent(), "planted answer");
    assert.equal(await opened.locator(".reply").count(), 0, "an answer has no answer");
    await there.getByRole("button", { name: "Refresh" }).click();
    await there.getByText(/^You opened the answer on /).waitFor();
  },

  async "new content can be answered, too"(tools) {
    await advance("open", HOUR);
    const page = await tools.open("/");
    const { link, status } = await send(page, "old");
    const there = await tools.open(status);
    await there.locator(".change summary").click();
    await there.getByLabel("New content").fill("new");
    await there.getByLabel("The link you sent").fill(link);
    await there.getByRole("button", { name: "Save changes" }).click();
    await there.locator(".notice.ok", { hasText: "Saved." }).waitFor();
    const viewer = await view(tools, link);
    await viewer.getByRole("button", { name: "Show" }).click();
    assert.equal(await viewer.locator(".secret pre").textContent(), "new");
    await viewer.getByRole("button", { name: "Answer with a secret" }).click();
    await viewer.locator(".reply textarea").fill("answer");
    await viewer.getByRole("button", { name: "Encrypt and send" }).click();
    await viewer.getByText(sent).waitFor();
  },

  async "without the key of the status link it stays closed"(tools) {
    await advance("open", HOUR);
    const page = await tools.open("/");
    const { link, status } = await send(page, "text");
    const viewer = await view(tools, link);
    await viewer.getByRole("button", { name: "Answer with a secret" }).click();
    await viewer.locator(".reply textarea").fill("answer");
    await viewer.getByRole("button", { name: "Encrypt and send" }).click();
    await viewer.getByText(sent).waitFor();
    for (const wrong of [status.slice(0, -43) + "A".repeat(43), status.slice(0, -44)]) {
      const other = await tools.open(wrong);
      await other.getByText(/Use your whole status link to open it/).waitFor();
      await other.close();
    }
  },

  async "a key that the sender has not named gets nothing"(tools) {
    await advance("open", HOUR);
    const page = await tools.open("/");
    const { link } = await send(page, "text");
    const viewer = await tools.open(link);
    const key = "BL_R53SAeb3hDyGhXfL93dS2v3ukoqY5jhaTGgjcMI3hKAVnQ_gxFVqEnn6tK_tPmOpp9xwR5_bJ9HRrDAFHygQ";
    await viewer.route("**/view", async (route) => {
      const response = await route.fetch();
      const json = await response.json();
      json.data.reply_key = key;
      await route.fulfill({ response, json });
    });
    await viewer.getByRole("button", { name: "Open the secret" }).click();
    await viewer.waitForSelector(".secret");
    assert.equal(await viewer.locator(".reply").count(), 0);
  },

  async "no reply without the choice, and none on plain http"(tools) {
    await advance("open", HOUR);
    const page = await tools.open("/");
    await page.locator("textarea").first().fill("plain");
    const made = page.waitForRequest((request) => request.method() === "POST");
    await page.locator("button[type=submit]").click();
    assert.equal((await made).postDataJSON().reply_key, undefined);
    await page.waitForSelector(".link-panel");
    const link = await page.locator(".link-line input").first().inputValue();
    const viewer = await view(tools, link);
    assert.equal(await viewer.locator(".reply").count(), 0);
    const plain = await tools.open(`${insecure(open.url)}/`, { allow: [/Cross-Origin-Opener-Policy/] });
    await plain.locator(".settings summary").click();
    assert.equal(await plain.getByLabel("Let the recipient answer").count(), 0);
  },

  async "with the key of an account"(tools) {
    const page = await tools.open("/", { server: "account" });
    await page.evaluate((key) => sessionStorage.setItem("key", key), account.key);
    await page.reload();
    const { link, status } = await send(page, "for the account");
    assert.match(status, /\/status\/\w{31}#\.[\w-]{43}$/);
    assert.equal((await openLink(account, link)).text, "for the account", "other clients read the text");
    const { id } = (await api(account, "GET", "secrets", { key: account.key }))[0];
    assert.ok(status.includes(id));
  },
});
