// The page of a claim link.
import assert from "node:assert/strict";
import { advance, claim, run, servers } from "./harness.mjs";

const { account } = servers;
const GONE = [/404/];

await run({
  async "signs in once, in every look"(tools) {
    const token = await claim("account");
    await tools.everyLook("claim", `/claim#${token}`, (page) => page.waitForSelector("form.card"), { server: "account" });
    const page = await tools.open(`/claim#${token}`, { server: "account" });
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "You are signed in" }).waitFor();
    assert.ok(!page.url().includes(token), "the link stays in the address bar");
    const key = await page.getByLabel("Private key").inputValue();
    assert.match(key, /^private_key_[0-9a-f]{64}$/);
    assert.equal(await page.evaluate(() => sessionStorage.getItem("key")), key);
    await page.getByText("“tester”").waitFor();
    await page.getByRole("link", { name: "Go to your secrets" }).click();
    await page.waitForSelector("[role=tablist]");
    const second = await tools.open(`/claim#${token}`, { server: "account", allow: GONE });
    await second.getByRole("button", { name: "Sign in" }).click();
    await second.getByRole("heading", { name: "This link no longer works" }).waitFor();
    assert.equal(await second.evaluate(() => sessionStorage.length), 0);
  },

  async "a late or damaged link says what to do"(tools) {
    const token = await claim("open");
    await advance("open", 15 * 60);
    const late = await tools.open(`/claim#${token}`, { allow: GONE });
    await late.getByRole("button", { name: "Sign in" }).click();
    await late.getByText("older than 15 minutes").waitFor();
    await late.getByText("sealdrop claim").waitFor();
    const cut = await tools.open(`/claim#${token.slice(0, 60)}`);
    await cut.getByRole("heading", { name: "This link is incomplete" }).waitFor();
    const none = await tools.open("/claim");
    await none.getByRole("heading", { name: "This link is incomplete" }).waitFor();
    await tools.everyLook("claim-gone", "/claim#0", (page) => page.waitForSelector("code"));
    // What a terminal or a mail adds does no harm.
    const whole = await claim("open");
    const page = await tools.open(`/claim#${whole}.`);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "You are signed in" }).waitFor();
  },

  async "a key that is there stays until the link is used"(tools) {
    const page = await tools.open("/manage", { server: "account" });
    await page.evaluate((key) => sessionStorage.setItem("key", key), account.key);
    await page.goto(`${account.url}/claim#${await claim("account")}`);
    await page.waitForSelector("form.card");
    assert.equal(await page.evaluate(() => sessionStorage.getItem("key")), account.key);
  },
});
