// The account's page: API keys.
import assert from "node:assert/strict";
import { run, savedFile, servers } from "./harness.mjs";
import { api, makeSecret, openLink } from "./secrets.mjs";
import { enter, keyIsKept, settled, signIn } from "./signed_in.mjs";
import { batches, inert } from "./xss.mjs";

const { account } = servers;
const { key } = account;
const PATH = "/manage#account";

const listed = () => api(account, "GET", "account/keys", { key });
const make = (fields) => api(account, "POST", "account/keys", { body: fields, key });
const rows = (page) => page.locator(".keys .items tbody tr:not(.more)");
const details = (page, name) => page.locator(".keys").getByRole("button", { name: `Details of ${name}` }).click();
const revokeHere = async (page) => {
  await page.getByRole("button", { name: "Revoke key" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke key" }).click();
};
const clean = async () => {
  for (const { id, name } of await listed()) if (name) await api(account, "DELETE", `account/keys/${id}`, { key });
};

await run({
  async "a key from its start to its end"(tools) {
    const page = await tools.open(PATH, { server: "account", allow: [/422/] });
    await signIn(page, account);
    await page.getByText("You are signed in with it").waitFor();
    assert.equal(await rows(page).count(), 2);
    const form = page.locator(".add-key");
    await form.getByLabel("Name").fill("a\u202eb");
    await form.getByRole("button", { name: "Create key" }).click();
    await form.getByText("Use one line of up to 60 characters.").waitFor();
    assert.ok(await form.getByLabel("Name").evaluate((node) => node === document.activeElement && node.ariaInvalid === "true"));
    assert.equal((await listed()).length, 2);
    await form.getByLabel("Name").fill("  Backup script ");
    await form.getByLabel("Kind").selectOption({ label: "Private" });
    await form.getByRole("button", { name: "Create key" }).click();
    const heading = page.getByRole("heading", { name: "The key is created" });
    await heading.waitFor();
    assert.ok(await heading.evaluate((node) => node === document.activeElement));
    const made = await page.locator(".keys .copyline input").inputValue();
    assert.match(made, /^private_key_[0-9a-f]{64}$/);
    assert.equal(await form.getByLabel("Name").inputValue(), "");
    await keyIsKept(page, key);
    // The browser asks before the page is left without a copy.
    assert.equal(await page.evaluate(() => {
      const event = new Event("beforeunload", { cancelable: true });
      window.dispatchEvent(event);
      return event.defaultPrevented;
    }), true);
    await rows(page).filter({ hasText: "Backup script" }).getByText("Never").waitFor();
    await tools.check(page, "manage-key-added");

    // It works, and its use is seen.
    const secret = await makeSecret(account, "text", {}, { key: made });
    await openLink(account, secret.link);
    page.on("dialog", (dialog) => dialog.accept());
    await page.reload();
    const { last_used_on: day } = (await listed()).find(({ name }) => name === "Backup script");
    await rows(page).filter({ hasText: "Backup script" }).locator(`time[datetime="${day}"]`).waitFor();
    assert.equal(await page.locator(".keys .copyline").count(), 0, "it is shown once");

    await details(page, "Backup script");
    const open = page.locator(".keys tr.more:not([hidden])");
    await open.getByLabel("Name").fill("Backups of March");
    await open.getByRole("button", { name: "Save name" }).click();
    await page.getByText("The name was saved.").waitFor();
    await rows(page).filter({ hasText: "Backups of March" }).waitFor();
    await details(page, "Backups of March");
    await page.getByRole("button", { name: "Revoke key" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    assert.equal((await listed()).length, 3);
    await revokeHere(page);
    await page.getByText("The key is revoked.").waitFor();
    await rows(page).filter({ hasText: "Backups of March" }).waitFor({ state: "detached" });
    await api(account, "GET", "account", { key: made, status: 403 });
  },

  async "the only private key stays, and the own one signs out"(tools) {
    const page = await tools.open(PATH, { server: "account", allow: [/409/, /403/] });
    await signIn(page, account);
    await rows(page).filter({ hasText: "You are signed in with it" }).getByRole("button").click();
    await revokeHere(page);
    await page.getByText("This is the only private key of this account.").waitFor();
    assert.equal((await listed()).length, 2);
    const { key: second } = await make({ kind: "private", name: "second" });
    const other = await tools.open(PATH, { server: "account", allow: [/403/] });
    await signIn(other, { key: second });
    await details(other, "second");
    await other.getByRole("button", { name: "Revoke key" }).click();
    await other.getByRole("dialog").getByText("this page signs you out").waitFor();
    await other.getByRole("dialog").getByRole("button", { name: "Revoke key" }).click();
    await other.waitForSelector(".sign-in");
    await other.getByText("is no longer valid").waitFor();
    await keyIsKept(other, second, { isGone: true });
    assert.equal((await listed()).length, 2);
  },

  async "a revoked key signs its browser out at the next step"(tools) {
    const { key: lost } = await make({ kind: "private", name: "Lost laptop" });
    const laptop = await tools.open("/manage", { server: "account", allow: [/403/] });
    await signIn(laptop, { key: lost });
    await settled(laptop);
    const page = await tools.open(PATH, { server: "account" });
    await signIn(page, account);
    await details(page, "Lost laptop");
    await revokeHere(page);
    await page.getByText("The key is revoked.").waitFor();
    await laptop.getByRole("tab", { name: "Requests" }).click();
    await laptop.getByText("is no longer valid").waitFor();
    await keyIsKept(laptop, lost, { isGone: true });
  },

  async "filter, order and files"(tools) {
    await make({ kind: "public", name: "beta" });
    await make({ kind: "public", name: "=alpha" });
    const page = await tools.open(PATH, { server: "account" });
    await enter(page, account);
    const keys = page.locator(".keys");
    const settle = (count, name) => page.waitForFunction(([count, name]) => !document.querySelector(".keys progress")
      && document.querySelectorAll(".keys .items tbody tr:not(.more)").length === count
      && (!name || document.querySelector(".keys .items .named")?.textContent === name), [count, name]);
    await settle(4);
    await keys.getByLabel("Show", { exact: true }).selectOption({ label: "Public" });
    await settle(3);
    await keys.getByLabel("Sort").selectOption({ label: "By name" });
    await settle(3, "=alpha");
    const csv = await savedFile(page, () => keys.getByRole("button", { name: "Save as CSV" }).click());
    assert.equal(csv.name, "api_keys.csv");
    const text = csv.bytes.toString("utf8");
    assert.ok(text.startsWith("\ufeffid,kind,name,created_at,last_used_on\r\n") && text.includes(",'=alpha,"), text);
    assert.ok(!text.includes("_key_"), "no key is in a file");
    await keys.getByRole("button", { name: "Show all" }).click();
    await settle(4);
    await clean();
  },

  async "hostile names"(tools) {
    for (const text of batches()) {
      const name = [...text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, "")].slice(0, 60).join("");
      if (name.trim()) await make({ kind: "public", name });
    }
    const page = await tools.open(PATH, { server: "account" });
    await signIn(page, account);
    await rows(page).nth(2).waitFor();
    for (const button of await page.locator(".keys .act button").all()) await button.click();
    await inert(page);
    await clean();
  },

  async "every look"(tools) {
    await make({ kind: "public", name: "Shop window" });
    await make({ kind: "private", name: "Ett_mycket_långt_namn_utan_mellanslag_som_måste_brytas_någon" });
    await tools.everyLook("manage-keys", PATH, async (page) => {
      await enter(page, account);
      await page.locator(".keys .act button").first().click();
    }, { server: "account" });
    await tools.everyLook("manage-key-revoke", PATH, async (page) => {
      await enter(page, account);
      await page.locator(".keys .act button").last().click();
      await page.locator(".keys tr.more:not([hidden]) .button.danger").click();
      await page.waitForSelector("dialog[open]");
    }, { server: "account" });
    const narrow = await tools.open(PATH, { server: "account", size: "narrow" });
    await enter(narrow, account);
    await narrow.locator(".keys .act button").first().click();
    await tools.check(narrow, "manage-keys-narrow");
    await clean();
  },
});
