// The page of the APIs: it shows every call, and makes them.
import assert from "node:assert/strict";
import { run, servers } from "./harness.mjs";

const api = await (await fetch(`${servers.account.url}/openapi.json`)).json();
const operations = Object.values(api.paths).flatMap((methods) => Object.values(methods));

async function openCall(page, id) {
  await page.locator(`#${id} > summary`).click();
  await page.locator(`#${id} form.try`).waitFor();
  return page.locator(`#${id}`);
}

await run({
  async "every call in every look"(tools) {
    await tools.everyLook("docs", "/docs", async (page) => {
      await page.waitForSelector("#app:not([aria-busy])");
      assert.equal(await page.locator(".operation").count(), operations.length);
    }, { server: "account" });
    await tools.everyLook("docs-call", "/docs", async (page) => {
      await openCall(page, "createSecret");
    }, { server: "account" });
  },

  async "each call can be opened and has examples with this address"(tools) {
    const page = await tools.open("/docs", { server: "account" });
    for (const { operationId } of operations) {
      const call = await openCall(page, operationId);
      assert.equal(await call.locator("form.try").count(), 1, operationId);
      const text = await call.innerText();
      assert.ok(!text.includes("$SEALDROP"), operationId);
      assert.ok(!text.includes("[object"), operationId);
      assert.ok(!text.includes("undefined"), operationId);
    }
    await tools.check(page, "docs-all-open", { picture: false });
  },

  async "a secret is made, listed and burned from the page"(tools) {
    const page = await tools.open("/docs", { server: "account" });
    await page.locator("#key").fill(servers.account.key);
    const create = await openCall(page, "createSecret");
    await create.locator("form.try button[type=submit]").click();
    await create.locator("form.try h3", { hasText: "201" }).waitFor();
    const answer = JSON.parse(await create.locator("form.try pre").last().innerText());
    const list = await openCall(page, "listSecrets");
    await list.locator("form.try button[type=submit]").click();
    await list.locator("form.try pre", { hasText: answer.data.id }).waitFor();
    const burn = await openCall(page, "deleteSecret");
    // The form asks for required fields.
    await burn.locator("form.try button[type=submit]").click();
    await burn.locator("[aria-invalid]").waitFor();
    await burn.getByLabel("id").fill(answer.data.id);
    await burn.locator("form.try button[type=submit]").click();
    await burn.locator("form.try h3", { hasText: "200" }).waitFor();
    assert.ok(!page.url().includes("private_key"));
    assert.equal(await page.evaluate(() => localStorage.length + document.cookie.length), 0);
  },

  async "a box is made and filled by forms"(tools) {
    const page = await tools.open("/docs");
    const create = await openCall(page, "createBox");
    await create.locator("form.try select").selectOption("application/x-www-form-urlencoded");
    await create.getByLabel("passphrase", { exact: true }).last().fill("correct horse");
    await create.locator("form.try button[type=submit]").click();
    await create.locator("form.try h3", { hasText: "200" }).waitFor();
    const { KeyToken } = JSON.parse(await create.locator("form.try pre").last().innerText());
    const send = await openCall(page, "sendToBox");
    await send.locator("form.try select").selectOption("multipart/form-data");
    await send.getByLabel("token", { exact: true }).last().fill(KeyToken);
    await send.getByLabel("files", { exact: true }).setInputFiles({
      name: "note.txt", mimeType: "text/plain", buffer: Buffer.from("a note"),
    });
    await send.locator("form.try button[type=submit]").click();
    await send.locator("form.try h3", { hasText: "200" }).waitFor();
    const read = await openCall(page, "readBox");
    await read.getByLabel("token", { exact: true }).fill(KeyToken);
    await read.getByLabel("passphrase (optional)", { exact: true }).fill("correct horse");
    await read.locator("form.try button[type=submit]").click();
    await read.locator("form.try pre", { hasText: "note.txt" }).waitFor();
  },

  async "the words that are looked for"(tools) {
    const page = await tools.open("/docs");
    await page.locator("#filter").fill("webhook");
    await page.waitForFunction(() => document.querySelectorAll(".operation:not([hidden])").length < 12);
    assert.ok(await page.locator("#addWebhook").isVisible());
    assert.ok(!await page.locator("#createBox").isVisible());
    await page.locator("#filter").fill("nothing has this word");
    await page.getByText("No call contains these words.").waitFor();
  },
});
