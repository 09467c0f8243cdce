// The main ways through the pages, in Firefox; the other scripts try every state, in Chromium. Started with
// SEALDROP_BROWSER=firefox.
import assert from "node:assert/strict";
import { makeBox, opened, saved, send, texts } from "./box_tools.mjs";
import { advance, isFirefox, run, servers } from "./harness.mjs";
import { focused, tabTo } from "./keyboard.mjs";
import { api, makeSecret as makeListed, openLink } from "./secrets.mjs";
import { enter, keyIsKept, signIn } from "./signed_in.mjs";
import { GONE, heading, makeSecret, openSecret, readSecret } from "./view_secrets.mjs";

const { open, account } = servers;
const ACCOUNT = { server: "account" };
const HOUR = 3601;
const TEXT = "häxa\n  två 🔑";
const FILE = { name: "nyckel å.bin", mimeType: "application/octet-stream", buffer: Buffer.from([0, 1, 254, 255]) };

assert.ok(isFirefox, "SEALDROP_BROWSER=firefox");

const secretField = (page) => page.locator("textarea").first();
const submit = (page) => page.locator("button[type=submit]").first().click();
const linkOf = async (page) => {
  await page.waitForSelector(".link-panel");
  return page.locator(".link-line input").inputValue();
};

/** What was copied: pasted into a field of a page, because pages may not read the clipboard. */
async function pasted(page) {
  const field = secretField(page);
  await field.focus();
  await page.keyboard.press("Control+v");
  return field.inputValue();
}

await run({
  async "a text and a file reach somebody else once"(tools) {
    await advance("open", HOUR);
    const context = await tools.context();
    const page = await tools.open("/", { context });
    await secretField(page).fill(TEXT);
    await page.locator("input[type=file]").first().setInputFiles([FILE]);
    await tools.check(page, "firefox-create");
    await submit(page);
    const link = await linkOf(page);
    await tools.check(page, "firefox-link");
    await page.locator(".link-line").getByRole("button", { name: "Copy" }).first().click();
    await page.getByRole("button", { name: "Copied" }).first().waitFor();
    const other = await tools.open("/", { context });
    assert.equal(await pasted(other), link);
    await secretField(other).fill("");

    const reader = await tools.open(link);
    await openSecret(reader);
    await tools.check(reader, "firefox-view");
    await reader.getByRole("button", { name: "Copy", exact: true }).click();
    await reader.getByRole("button", { name: "Copied" }).waitFor();
    assert.equal(await pasted(other), TEXT);
    assert.equal(await readSecret(reader), TEXT);
    const file = await saved(reader, FILE.name);
    assert.equal(file.name, FILE.name);
    assert.ok(file.bytes.equals(FILE.buffer));

    const late = await tools.open(link);
    await heading(late, GONE);
    await tools.check(late, "firefox-gone");
  },

  async "wrong turns"(tools) {
    const secret = await makeSecret({ password: "rätt lösen", text: TEXT });
    const page = await tools.open(secret.path);
    await page.getByLabel("Password", { exact: true }).fill("fel");
    await page.getByRole("button", { name: "Open the secret" }).click();
    await page.getByText("This password is wrong").waitFor();
    await tools.check(page, "firefox-password-wrong");
    await page.getByLabel("Password", { exact: true }).fill("rätt lösen");
    await openSecret(page);
    assert.equal(await readSecret(page), TEXT);

    const whole = await makeSecret({ text: TEXT });
    const cut = await tools.open(whole.path.slice(0, -3));
    await cut.waitForSelector("h1");
    await tools.check(cut, "firefox-damaged");
    assert.equal(await cut.getByRole("heading", { name: "Here is your secret" }).count(), 0);
    const good = await tools.open(whole.path);
    await openSecret(good);
    assert.equal(await readSecret(good), TEXT, "a damaged link has spent nothing");
  },

  async "a request is answered"(tools) {
    const { id } = await api(account, "POST", "secret_requests", { key: account.key, body: { message: "the code, please" } });
    const page = await tools.open(`/req/${id}`, ACCOUNT);
    await page.getByText("the code, please").waitFor();
    await secretField(page).fill("4711");
    await tools.check(page, "firefox-request");
    await submit(page);
    assert.equal((await openLink(account, await linkOf(page))).text, "4711");
  },

  async "a box is made, sent to and opened"(tools) {
    const owner = await tools.open("/box");
    await tools.check(owner, "firefox-box-new");
    const box = await makeBox(owner);
    const sender = await tools.open(box.link);
    await send(sender, { text: TEXT, files: [FILE] });
    await tools.check(sender, "firefox-box-sent");
    await owner.getByRole("link", { name: "Go to the box" }).click();
    await opened(owner, { pem: box.pem });
    assert.deepEqual(await texts(owner), [TEXT]);
    const file = await saved(owner, FILE.name);
    assert.equal(file.name, FILE.name);
    assert.ok(file.bytes.equals(FILE.buffer));
    await tools.check(owner, "firefox-box-open");
  },

  async "the list of an account"(tools) {
    await makeListed(account, "text", { description: "for the list" }, { key: account.key });
    const page = await tools.open("/manage", ACCOUNT);
    await page.waitForSelector(".sign-in");
    await tools.check(page, "firefox-manage-signed-out");
    await signIn(page, account);
    await keyIsKept(page, account.key);
    const row = page.locator(".items tbody tr").filter({ hasText: "for the list" });
    await row.first().waitFor();
    await tools.check(page, "firefox-manage");
    await page.locator(".items .act button").first().click();
    await page.getByRole("button", { name: "Delete now" }).first().click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete now" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForSelector(".sign-in");
    await keyIsKept(page, account.key, { isGone: true });
    for (const tab of ["requests", "account"]) {
      const other = await tools.open(`/manage#${tab}`, ACCOUNT);
      await enter(other, account);
      await tools.check(other, `firefox-manage-${tab}`);
    }
  },

  async "another language, and the calls"(tools) {
    const page = await tools.open("/");
    await secretField(page).fill("stays");
    await page.locator("#language").selectOption("sv");
    await page.waitForSelector("html[lang=sv]");
    assert.equal(await secretField(page).inputValue(), "stays");
    await page.getByRole("button", { name: "Skapa länken" }).waitFor();
    await tools.check(page, "firefox-swedish");
    await page.locator("#language").selectOption("en");
    await page.waitForSelector("html[lang=en]");
    const docs = await tools.open("/docs");
    await docs.waitForSelector("details summary");
    await tools.check(docs, "firefox-docs", { picture: false });
  },

  async "with the keyboard alone"(tools) {
    await advance("open", HOUR);
    const page = await tools.open("/");
    await secretField(page).waitFor();
    if ((await focused(page)).tag !== "TEXTAREA") await tabTo(page, "Your secret");
    await page.keyboard.type("typed");
    await tabTo(page, "Create link");
    await page.keyboard.press("Enter");
    const link = await linkOf(page);
    await tabTo(page, /^Copy/);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Copied" }).first().waitFor();

    const reader = await tools.open(link);
    await reader.waitForSelector("h1");
    await tabTo(reader, "Open the secret");
    await reader.keyboard.press("Enter");
    await heading(reader, "Here is your secret");
    await tabTo(reader, "Show");
    await reader.keyboard.press("Enter");
    assert.equal(await reader.locator(".secret pre").textContent(), "typed");
    // The dialog: Escape closes it and leads back, Enter deletes.
    const remove = reader.locator("main button.danger");
    const name = await remove.textContent();
    await tabTo(reader, name);
    await reader.keyboard.press("Enter");
    await reader.getByRole("dialog").waitFor();
    await reader.keyboard.press("Escape");
    await reader.getByRole("dialog").waitFor({ state: "detached" });
    assert.equal((await focused(reader)).name, name);
    await reader.keyboard.press("Enter");
    await reader.getByRole("dialog").waitFor();
    await tabTo(reader, /^(Delete|Remove)$/, { limit: 1 });
    await reader.keyboard.press("Enter");
    await reader.getByRole("dialog").waitFor({ state: "detached" });
  },
});
