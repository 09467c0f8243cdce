// Data that leaves the browser, on every page: passphrases, halves of keys, key files and plaintext are
// planted, and all bytes that Chromium sends are searched for them (recorder.mjs). They may leave only if
// the page has said so before. In the whole Chromium: it sends more than its engine does.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { makeBox, open, opened, quickBox, quickSend, saved, send, texts } from "./box_tools.mjs";
import { advance, recorder, run, servers } from "./harness.mjs";
import { api, openLink } from "./secrets.mjs";
import { signIn } from "./signed_in.mjs";
import { makeSecret, openSecret, readSecret } from "./view_secrets.mjs";

const { account } = servers;
const PASSPHRASE = "Passfräs 4711 blå häst";
const TEXT = "Planted text: <b>åäö</b> & 100 %";
const NAME = "hemlig bilaga å.bin";
const HOUR = 3601;

const file = (size, name = NAME) => ({ name, mimeType: "application/octet-stream", buffer: randomBytes(size) });
const secretField = (page) => page.locator("textarea").first();
const linkOf = async (page) => {
  await page.waitForSelector(".link-panel");
  return page.locator(".link-line input").inputValue();
};

function plantText() {
  recorder.plant("the text", TEXT);
  recorder.plant("the name of the file", NAME);
}

function plantFile({ buffer }) {
  recorder.plant("the file's begin", buffer.subarray(0, 32));
  recorder.plant("the file's end", buffer.subarray(-32));
}

/** The key of a link, as it is in the link, and the half of a password that it encodes. */
function plantKey(link) {
  const key = new URL(link).hash.slice(1);
  recorder.plant("the key of the link", key);
  recorder.plant("the public half", Buffer.from(key, "base64").toString());
}

/** A line in the middle of a PEM: whole PEMs may be sent with other line ends. */
function plantPem(pem) {
  recorder.plant("the key file", pem.split("\n")[5]);
}

await run({
  async "secrets are made"(tools) {
    plantText();
    for (const size of [1000, 600_000]) {
      await advance("open", HOUR);
      const page = await tools.open("/");
      const attached = file(size);
      plantFile(attached);
      await secretField(page).fill(TEXT);
      await page.locator("input[type=file]").setInputFiles([attached]);
      await page.getByRole("button", { name: "Create link" }).click();
      const link = await linkOf(page);
      plantKey(link);
      for (const summary of await page.locator(".link-panel summary").all()) await summary.click();
      await page.getByRole("link", { name: "Open the status page" }).click();
      await page.waitForSelector("dl");
      const seen = await openLink(servers.open, link);
      assert.equal(seen.text, TEXT);
      assert.deepEqual(recorder.leaks(), [], `${size} bytes`);
    }
    assert.ok(recorder.size > 600_000, "the recorder hears the upload");
  },

  async "secrets are viewed"(tools) {
    plantText();
    const attachments = [{ name: NAME, type: "text/plain", data: new Uint8Array(file(1000).buffer) }];
    recorder.plant("the file", attachments[0].data.subarray(0, 32));
    const secret = await makeSecret({ text: TEXT, attachments, captcha: true, password: "of the secret", max_views: 2 });
    plantKey(secret.url);
    const phone = await tools.context({ size: "phone" });
    const damaged = secret.url.replace("#", "?utm_source=mail&lang=sv#");
    for (const [url, context] of [[secret.url, undefined], [damaged, phone]]) {
      const page = await tools.open(url, { context, allow: [/404/] });
      await page.locator("input[type=password]").fill("of the secret");
      await page.getByText(/Done: you are not a bot|Klart: du är inte en robot/).waitFor();
      await openSecret(page);
      assert.equal(await readSecret(page), TEXT);
      await page.locator(".files button").first().click();
      await page.reload();
      await page.getByRole("heading", { name: /Here is your secret|Här är din hemlighet/ }).waitFor();
      await page.getByRole("button", { name: /Remove it|Ta bort|Delete now|Radera/ }).click();
      await page.getByRole("dialog").locator("button.danger").click();
      await page.locator(".secret").waitFor({ state: "detached" });
    }
    assert.ok(recorder.hears("of the secret"), "the server checks the password");
  },

  async "keys are pasted, tried, and carried to other pages"(tools) {
    const secret = await makeSecret({ text: TEXT });
    plantText();
    plantKey(secret.url);
    const other = await makeSecret();
    recorder.plant("a key that does not fit", other.key);
    const page = await tools.open(`/${secret.id}/`);
    await page.getByLabel("The whole link").fill(`/${secret.id}/#${other.key}`);
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("button", { name: "Open the secret" }).click();
    await page.getByLabel("The whole link").fill(`Here: <${secret.url}>`);
    await page.getByRole("button", { name: "Try this key" }).click();
    assert.equal(await readSecret(page), TEXT);
    for (const path of ["/nothing/here", "/", "/docs", "/manage", "/box", `/status/${secret.id}`]) {
      const lost = await tools.open(`${path}#${secret.key}`, { allow: [/404/] });
      await lost.getByLabel("Language").selectOption("sv");
      await lost.waitForSelector("html[lang=sv]");
      await lost.close();
    }
  },

  async "a request is answered"(tools) {
    plantText();
    const asked = await api(account, "POST", "secret_requests", { key: account.key, body: { message: "please" } });
    const attached = file(600_000);
    plantFile(attached);
    const page = await tools.open(`/req/${asked.id}`, { server: "account" });
    await secretField(page).fill(TEXT);
    await page.locator("input[type=file]").setInputFiles([attached]);
    await page.locator("button[type=submit]").click();
    plantKey(await linkOf(page));
  },

  async "a request whose link is mailed says so, and only the half goes"(tools) {
    plantText();
    const body = { send_to_email: "karin@example.org" };
    const asked = await api(account, "POST", "secret_requests", { key: account.key, body });
    const page = await tools.open(`/req/${asked.id}`, { server: "account" });
    await page.getByText("karin@example.org").first().waitFor();
    await page.getByText("has both halves of the key until the email is sent", { exact: false }).waitFor();
    assert.ok(!recorder.hears("password_part_public"));
    await secretField(page).fill(TEXT);
    await page.locator("button[type=submit]").click();
    await page.getByText("on its way").waitFor();
    assert.ok(recorder.hears("password_part_public"));
  },

  async "a box that was made in the browser"(tools) {
    plantText();
    recorder.plant("the passphrase", PASSPHRASE);
    const attached = file(100_000);
    plantFile(attached);
    const page = await tools.open("/box");
    const box = await makeBox(page, { passphrase: PASSPHRASE });
    plantPem(box.pem);
    await page.goto(box.link);
    await send(page, { text: TEXT, files: [attached] });
    // What people try first: the passphrase alone. It cannot be sent.
    await page.getByRole("tab", { name: "Open" }).click();
    assert.equal(await page.getByText("With the passphrase", { exact: true }).count(), 0);
    await page.getByText("The server does not have the key to this box.").waitFor();
    await page.locator("#panel-open").getByLabel("Passphrase", { exact: true }).fill(PASSPHRASE);
    await page.keyboard.press("Enter");
    await page.getByText("Choose the key file").waitFor();
    await page.getByLabel("Key file", { exact: true })
      .setInputFiles({ name: "box.pem", mimeType: "text/plain", buffer: Buffer.from(box.pem) });
    await page.locator("#panel-open").getByRole("button", { name: "Open the box" }).click();
    await page.getByRole("heading", { name: "In the box" }).waitFor();
    assert.deepEqual(await texts(page), [TEXT]);
    assert.ok((await saved(page, NAME)).bytes.equals(attached.buffer));
    await page.getByRole("button", { name: "Delete this box" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByRole("heading", { name: "The box is deleted" }).waitFor();
  },

  async "a box whose terms do not say who has the key"(tools) {
    recorder.plant("the passphrase", PASSPHRASE);
    const { token, pem } = await quickBox("open", {}, PASSPHRASE);
    const page = await tools.open("/robots.txt");
    for (const HasPrivateKey of [undefined, null, "true", 1]) {
      await page.unroute("**/terms");
      await page.route("**/terms", async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, json: { ...await response.json(), HasPrivateKey } });
      });
      await page.goto(`${servers.open.url}/box/${token}`);
      await page.getByRole("tab", { name: "Open" }).click();
      assert.equal(await page.getByText("With the passphrase", { exact: true }).count(), 0);
      await page.locator("#panel-open").getByLabel("Passphrase", { exact: true }).fill(PASSPHRASE);
      await page.keyboard.press("Enter");
      await page.getByText("Choose the key file").waitFor();
    }
    await page.getByLabel("Key file", { exact: true })
      .setInputFiles({ name: "box.pem", mimeType: "text/plain", buffer: Buffer.from(pem) });
    await page.locator("#panel-open").getByRole("button", { name: "Open the box" }).click();
    await page.getByRole("heading", { name: "In the box" }).waitFor();
  },

  async "a box that the server opens says so, and only the passphrase goes"(tools) {
    plantText();
    const page = await tools.open("/box");
    await page.getByRole("switch").setChecked(false);
    await page.getByText("The server creates the keys, and sees your passphrase").waitFor();
    const box = await makeBox(page, { passphrase: PASSPHRASE, here: false });
    assert.ok(recorder.hears(PASSPHRASE), "the recorder hears a form");
    recorder.begin();
    plantText();
    plantPem(box.pem);
    await page.goto(box.link);
    await send(page, { text: TEXT, files: [file(1000)] });
    // With the key file no part of it is sent, whether the server has a key or not.
    await opened(page, { passphrase: PASSPHRASE, pem: box.pem });
    assert.deepEqual(await texts(page), [TEXT]);
    await page.getByRole("button", { name: "Close the box" }).click();
    await page.getByText("The server will see your passphrase.").waitFor();
    assert.ok(!recorder.hears(PASSPHRASE));
    await opened(page, { passphrase: PASSPHRASE });
    assert.deepEqual(await texts(page), [TEXT]);
    assert.ok(recorder.hears(PASSPHRASE), "the recorder hears a header");
  },

  async "a key file without its passphrase, and a wrong one"(tools) {
    const { token, pem } = await quickBox("open", {}, PASSPHRASE);
    await quickSend(token, { text: "of no matter" });
    recorder.plant("the passphrase", PASSPHRASE);
    plantPem(pem);
    const wrong = "another passphrase";
    recorder.plant("a wrong passphrase", wrong);
    const page = await tools.open(`/box/${token}`);
    await open(page, { passphrase: wrong, pem });
    await page.getByText("does not open this key file").waitFor();
    await page.locator("#panel-open").getByText("Paste the key instead").click();
    await opened(page, { passphrase: PASSPHRASE, pem });
  },

  async "an account"(tools) {
    const secret = await makeSecret({ text: TEXT, server: "account", description: "of mine" });
    plantText();
    plantKey(secret.url);
    const page = await tools.open("/manage", { server: "account" });
    await signIn(page, account);
    for (const tab of ["Requests", "Account", "Secrets"]) {
      await page.getByRole("tab", { name: new RegExp(tab) }).click();
      await page.waitForLoadState("networkidle");
    }
    await page.goto(secret.url);
    await openSecret(page);
    assert.equal(await readSecret(page), TEXT);
  },

  async "whatever way something leaves, it is heard"(tools) {
    const planted = "geheim: gräsmatta/7+8";
    const ways = {
      query: (text) => fetch(`/x?${encodeURIComponent(text)}`),
      path: (text) => fetch(`/${encodeURIComponent(encodeURIComponent(text))}`),
      header: (text) => fetch("/x", { headers: { token: Array.from(new TextEncoder().encode(text),
        (byte) => String.fromCharCode(byte)).join("") } }),
      json: (text) => fetch("/x", { method: "POST", body: JSON.stringify({ a: `before ${text} behind` }) }),
      form: (text) => fetch("/x", { method: "POST", body: new URLSearchParams({ text }) }),
      parts: (text) => {
        const form = new FormData();
        form.append("file", new Blob([`..${text}`]), "a");
        return fetch("/x", { method: "POST", body: form });
      },
      blob: (text) => fetch("/x", { method: "POST", body: new Blob(["a".repeat(100_000), text]) }),
      base64: (text) => fetch("/x", { headers: { a: btoa(unescape(encodeURIComponent(`xy${text}`))) } }),
      hex: (text) => fetch(`/x?${Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16)).join("")}`),
      beacon: (text) => navigator.sendBeacon("/x", text),
      image: (text) => new Promise((done) => {
        Object.assign(new Image(), { onerror: done, src: `/x.png?${new URLSearchParams({ text })}` });
      }),
      request: (text) => new Promise((done) => {
        const request = new XMLHttpRequest();
        request.onloadend = done;
        request.open("PUT", "/x");
        request.send(text);
      }),
      worker: (text) => new Promise((done) => {
        const code = `fetch(${JSON.stringify(`${location.origin}/x`)}, { method: "POST", body: ${JSON.stringify(text)} })
          .finally(() => postMessage(1));`;
        new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" }))).onmessage = done;
      }),
      navigation: (text) => { location.href = `/x?${encodeURIComponent(text)}`; },
    };
    const context = await tools.context({ bypassCSP: true });
    for (const [name, way] of Object.entries(ways)) {
      const page = await tools.open("/robots.txt", { context, allow: [/./] });
      recorder.begin();
      recorder.plant("it", planted);
      assert.deepEqual(recorder.leaks(), []);
      await page.evaluate(`(${way})(${JSON.stringify(planted)})`).catch(() => {});
      for (let tries = 0; !recorder.hears(planted) && tries < 100; tries += 1) await page.waitForTimeout(50);
      assert.ok(recorder.leaks().length > 0, name);
      await page.close();
    }
    recorder.begin();
  },
}, { isWhole: true });
