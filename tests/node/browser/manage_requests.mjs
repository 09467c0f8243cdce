// The account's page: secret requests.
import assert from "node:assert/strict";
import { run, savedFile, servers } from "./harness.mjs";
import { api, makeSecret } from "./secrets.mjs";
import { enter, signIn } from "./signed_in.mjs";
import { batches, inert } from "./xss.mjs";

const { account, open } = servers;
const { key } = account;
const PATH = "/manage#requests";

const make = async (fields = {}, server = account) =>
  api(server, "POST", "secret_requests", { body: fields, key: server.key });
/** Answers a request. */
const answer = async (id) => {
  const { ciphertext, password_part_private } = await parts();
  return api(account, "POST", `public/secret_requests/${id}/secrets`, { body: { ciphertext, password_part_private } });
};
let known = null;
/** The ciphertext of a possible secret. */
async function parts() {
  if (!known) {
    const secret = await makeSecret(open, "text");
    known = await api(open, "POST", `public/secrets/${secret.id}/view`, { body: {} });
  }
  return known;
}
const rows = (page) => page.locator("#panel-requests .items tbody tr:not(.more)");
const listed = async () => api(account, "GET", "secret_requests", { key });
const newForm = async (page) => {
  await page.locator(".above button").click();
  await page.waitForSelector(".new-request");
};

await run({
  async "a new request: its link"(tools) {
    const page = await tools.open(PATH, { server: "account" });
    await signIn(page, account);
    await page.getByText("You have no requests yet").waitFor();
    await newForm(page);
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "H2");
    await page.getByLabel("Description", { exact: true }).fill("Keys of the house");
    await page.getByLabel("Message", { exact: true }).fill("Please send them by Friday");
    await page.getByLabel("How many answers").fill("2");
    await page.locator(".new-request select").first().selectOption("24");
    await page.getByText("Secrets you receive").click();
    await page.getByLabel("Description of the secrets").fill("house");
    await page.getByLabel("Message shown with the secrets").fill("from the house");
    await page.getByLabel("Views per secret").fill("3");
    await page.getByLabel("Password for viewing", { exact: true }).fill("open sesame");
    await page.getByRole("button", { name: "Create request" }).click();
    await page.getByRole("heading", { name: "Your request is ready" }).waitFor();
    const [request] = await listed();
    const link = await page.locator(".made .copyline input").inputValue();
    assert.equal(link, `${account.url}/req/${request.id}`);
    await page.locator(".made summary").click();
    await page.waitForSelector(".made svg.qr");
    const { description, message, expiration, limit, secret_description, secret_message, secret_max_views, secret_password } = request;
    assert.deepEqual(
      { description, message, expiration, limit, secret_description, secret_message, secret_max_views, secret_password },
      {
        description: "Keys of the house", message: "Please send them by Friday", expiration: 24, limit: 2,
        secret_description: "house", secret_message: "from the house", secret_max_views: 3, secret_password: true,
      });
    assert.ok(!(await page.content()).includes("open sesame"));
    await rows(page).filter({ hasText: "Keys of the house" }).locator(".badge", { hasText: "open" }).waitFor();

    // The sender finds it, and the owner sees that.
    await answer(request.id);
    await page.reload();
    await rows(page).filter({ hasText: "used 1 of 2" }).getByRole("button").click();
    await page.locator(".inner .list").getByRole("button").click();
    await page.locator("#panel-secrets .told", { hasText: "1 found among 1" }).waitFor();
    await page.locator("#panel-secrets .items").getByText("house").first().waitFor();
    assert.ok(page.url().endsWith("#secrets"));
  },

  async "a new request: mailed"(tools) {
    const page = await tools.open(PATH, { server: "account" });
    await signIn(page, account);
    await newForm(page);
    await page.getByLabel("Email the request to").fill("anna@example.org");
    await page.getByLabel("Email the links to").fill("owner@example.org");
    await page.keyboard.press("Enter");
    await page.getByText("The link is on its way to anna@example.org.").waitFor();
    assert.equal((await listed())[0].send_to_email, "owner@example.org");
    // A server without mail does not offer it.
    const other = await tools.open(PATH);
    await signIn(other, open);
    await newForm(other);
    await other.getByText("This server cannot send email").waitFor();
    assert.ok(!await other.getByLabel("Email the request to").isVisible());
  },

  async "errors at their fields"(tools) {
    const wrong = async (page) => {
      await enter(page, account);
      await newForm(page);
      const field = (name) => page.locator(`.new-request ${name}`);
      await field("input[type=number]").first().fill("0");
      await field("textarea").first().fill("x".repeat(1001));
      await field("summary").first().click();
      await field("input[type=number]:not([data-fleeting])").last().fill("101");
      await field("input[type=password]").fill("   ");
      await field("button[type=submit]").click();
      await page.waitForSelector("[aria-invalid]");
      assert.equal(await page.locator("[aria-invalid]").count(), 4);
    };
    await tools.everyLook("manage-request-form", PATH, async (page) => {
      await enter(page, account);
      await newForm(page);
      await page.locator(".new-request summary").first().click();
    }, { server: "account" });
    await tools.everyLook("manage-request-errors", PATH, wrong, { server: "account" });
    const before = (await listed()).length;
    // Values that only the server knows.
    const page = await tools.open(PATH, { server: "account", allow: [/422/, /429/] });
    await signIn(page, account);
    await newForm(page);
    const mail = page.getByLabel("Email the request to");
    await mail.fill("a@b@c");
    await page.getByRole("button", { name: "Create request" }).click();
    await page.getByText("This is not an email address").waitFor();
    assert.ok(await mail.evaluate((node) => node === document.activeElement && node.ariaInvalid === "true"));
    assert.equal((await listed()).length, before);
    for (let count = 0; count < 5; count += 1) {
      await fetch(`${account.url}/api/secret_requests`, {
        method: "POST", headers: { "Content-Type": "application/json", Authorization: `ApiKey ${key}` },
        body: '{"send_request_to_email":"often@example.org"}',
      });
    }
    await mail.fill("often@example.org");
    await page.getByRole("button", { name: "Create request" }).click();
    await page.getByText("Too many emails were sent to this address.").waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "New request");
  },

  async "deleting leaves the secrets"(tools) {
    const { id } = await make({ description: "to delete", limit: 3 });
    const secret = await answer(id);
    const page = await tools.open(PATH, { server: "account" });
    await signIn(page, account);
    await page.getByRole("button", { name: "Details of to delete" }).click();
    await page.getByText(secret.id).waitFor();
    await page.getByRole("button", { name: "Delete request" }).click();
    await page.getByRole("dialog").getByText("The secrets that you received through it stay.").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Delete request" }).click();
    await page.getByText("The request is deleted.").waitFor();
    await rows(page).filter({ hasText: "to delete" }).waitFor({ state: "detached" });
    await api(account, "GET", `public/secret_requests/${id}`, { status: 404 });
    await api(account, "GET", `public/secrets/${secret.id}`, { status: 200 });
  },

  async "filter and order and files and several at once"(tools) {
    for (const { id } of await listed()) await api(account, "DELETE", `secret_requests/${id}`, { key });
    const names = ["=cmd|' /C calc'!A0", "beta", "alpha"];
    const made = [];
    for (const [at, description] of names.entries()) {
      made.push(await make({ description, expiration: 10 - at, limit: at === 1 ? 1 : 3 }));
    }
    const secret = await answer(made[1].id);
    await answer(made[2].id);
    const page = await tools.open(PATH, { server: "account" });
    await enter(page, account);
    const panel = page.locator("#panel-requests");
    const shown = () => panel.locator(".items .named").allTextContents();
    const settle = (...first) => page.waitForFunction(([count, name]) => !document.querySelector("#panel-requests progress")
      && document.querySelectorAll("#panel-requests .items tbody tr:not(.more)").length === count
      && document.querySelector("#panel-requests .items .named")?.textContent === name, first);
    assert.deepEqual(await shown(), names.toReversed());
    await panel.getByLabel("Sort").selectOption({ label: "Oldest first" });
    await settle(3, names[0]);
    await panel.getByLabel("Sort").selectOption({ label: "Expiring first" });
    await settle(3, "alpha");
    await panel.getByLabel("Show", { exact: true }).selectOption({ label: "Open" });
    await settle(2, "alpha");
    assert.deepEqual(await shown(), ["alpha", names[0]]);
    await panel.getByLabel("Show", { exact: true }).selectOption({ label: "Over" });
    await settle(1, "beta");
    await panel.getByLabel("Show", { exact: true }).selectOption({ label: "Answered" });
    await settle(2, "alpha");

    const saved = async (name) => {
      const { name: file, bytes } = await savedFile(page, () => panel.getByRole("button", { name }).click());
      return [file, bytes.toString("utf8")];
    };
    const [jsonName, json] = await saved("Save as JSON");
    assert.equal(jsonName, "secret_requests.json");
    assert.deepEqual(JSON.parse(json).map(({ id }) => id), [made[2].id, made[1].id]);
    assert.equal(JSON.parse(json)[1].secrets, secret.id);
    await panel.getByRole("button", { name: "Show all" }).click();
    await settle(3, "alpha");
    const [csvName, csv] = await saved("Save as CSV");
    assert.equal(csvName, "secret_requests.csv");
    assert.ok(csv.startsWith("\ufeffid,description,message,created_at,expires_at,limit,used,expired,"), csv);
    assert.ok(csv.includes(`'=cmd|' /C calc'!A0`), csv);
    await tools.check(page, "manage-requests-tools");

    await panel.getByLabel("Select alpha").check();
    await panel.getByLabel("Select beta").check();
    await panel.getByRole("button", { name: "Delete 2 requests" }).click();
    await page.getByRole("dialog").getByText("The secrets that you received through them stay.").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Delete now" }).click();
    await page.getByText("2 requests were deleted.").waitFor();
    assert.deepEqual((await listed()).map(({ id }) => id), [made[0].id]);
    await api(account, "GET", `public/secrets/${secret.id}`, { status: 200 });
  },

  async "the list in every look"(tools) {
    const { id } = await make({
      description: "Answered twice of three", message: "A message\nof two lines", limit: 3, send_to_email: "",
      secret_description: "d", secret_message: "m", secret_expiration: "24",
    });
    await answer(id);
    await answer(id);
    await make({ description: "Ett_mycket_långt_ord_utan_mellanslag_som_måste_brytas_".repeat(4) });
    await make({});
    const list = async (page) => {
      await enter(page, account);
      await rows(page).filter({ hasText: "twice" }).getByRole("button").click();
    };
    await tools.everyLook("manage-requests", PATH, list, { server: "account" });
    await tools.everyLook("manage-request-made", PATH, async (page) => {
      await enter(page, account);
      await newForm(page);
      await page.locator(".new-request button[type=submit]").click();
      await page.waitForSelector(".made");
      await page.locator(".made summary").click();
      await page.waitForSelector(".made svg.qr");
    }, { server: "account" });
  },

  async "pages, search, hostile texts"(tools) {
    for (const text of batches()) {
      await make({ description: text, message: text, secret_description: text, secret_message: text });
    }
    for (let number = 0; number < 60; number += 1) await make({ description: `number-${number}-` });
    const all = (await api(account, "GET", "secret_requests?offset=50", { key })).length + 50;
    const page = await tools.open(PATH, { server: "account" });
    await signIn(page, account);
    await page.getByText(`1 to 50 of ${all}`).first().waitFor();
    await page.getByRole("button", { name: "Older" }).click();
    await page.getByText(`51 to ${all} of ${all}`).first().waitFor();
    for (const button of await page.locator("#panel-requests tr:not(.more) .act button").all()) await button.click();
    await inert(page);
    await page.getByLabel("Search requests").fill("number-7-");
    await page.getByLabel("Search requests").press("Enter");
    await page.getByText(`1 found among ${all}`).first().waitFor();
    await inert(page);
  },
});
