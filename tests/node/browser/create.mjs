// The page that creates secrets, and the texts for passing the link on. Large files are in upload.mjs.
import assert from "node:assert/strict";
import { advance, insecure, run, servers } from "./harness.mjs";
import { api, inlineFile, openLink, PICTURE } from "./secrets.mjs";
import { inert, PAYLOADS } from "./xss.mjs";

const { open, account } = servers;
const HOUR = 3601;
const file = (name, size = 10, mimeType = "text/plain") => ({ name, mimeType, buffer: Buffer.alloc(size, "x") });

const secretField = (page) => page.locator("textarea").first();
const submit = (page) => page.getByRole("button", { name: /^(Create link|Skapa länken)$/ }).click();
const more = (page) => page.locator(".settings summary").click();
const linkOf = async (page) => {
  await page.waitForSelector(".link-panel");
  return page.locator(".link-line input").inputValue();
};

await run({
  async "the form in every look"(tools) {
    await tools.everyLook("create", "/", async (page) => { await secretField(page).waitFor(); });
    await tools.everyLook("create-more", "/", async (page) => {
      await secretField(page).fill("Användare: karin\nLösenord: 4711");
      await page.locator("input[type=file]").setInputFiles([
        file("Avtal.pdf", 90_000), file("a-very-long-name-without-any-space-in-it-".repeat(4) + ".txt"),
      ]);
      await more(page);
      await page.locator(".generator button").first().click();
      await page.waitForSelector(".strength:not([hidden])");
    });
    await tools.everyLook("create-wrong", "/", async (page) => {
      await submit(page);
      await page.waitForSelector(".error:not([hidden])");
    });
  },

  async "the link in every look"(tools) {
    await advance("open", HOUR);
    await tools.everyLook("create-link", "/", async (page) => {
      await secretField(page).fill("text");
      await submit(page);
      await linkOf(page);
    });
    await advance("open", HOUR);
    await tools.everyLook("create-link-open", "/", async (page) => {
      await secretField(page).fill("text");
      await more(page);
      await page.locator(".password input").fill("a good password");
      await submit(page);
      await linkOf(page);
      for (const summary of await page.locator(".link-panel summary").all()) await summary.click();
      await page.waitForSelector("svg.qr");
    });
  },

  async "a text and a file reach somebody else"(tools) {
    await advance("open", HOUR);
    const page = await tools.open("/");
    await secretField(page).fill("hello, wörld 🙂");
    await page.locator("input[type=file]").setInputFiles([
      { name: "nyckel.bin", mimeType: "application/octet-stream", buffer: Buffer.from([0, 1, 254, 255]) }, file("tom.txt", 0),
    ]);
    await more(page);
    await page.getByRole("group", { name: "Expires" }).getByText("1 hour").click();
    await page.getByRole("group", { name: "Views" }).getByText("Custom").click();
    await page.getByLabel("Number of views").fill("3");
    await page.getByLabel("Password", { exact: true }).fill("Röd kulle 7");
    await page.getByLabel("Message to the recipient").fill("call me");
    assert.match(await page.locator(".summary").innerText(), /^Opens 3 times · expires in 1 hour · with a password$/);
    await submit(page);
    const link = await linkOf(page);
    assert.match(link, new RegExp(`^${open.url}/[A-Za-z0-9]{31}/#`));
    const seen = await openLink(open, link, { password: "Röd kulle 7" });
    assert.equal(seen.text, "hello, wörld 🙂");
    assert.equal(seen.message, "call me");
    assert.deepEqual(seen.attachments.map(({ name, size }) => [name, size]), [["nyckel.bin", 4], ["tom.txt", 0]]);
    assert.deepEqual([...inlineFile(seen.attachments[0])], [0, 1, 254, 255]);

    const status = await page.getByRole("link", { name: "Open the status page" }).getAttribute("href");
    const [, id, token] = /\/status\/([A-Za-z0-9]{31})#(.+)$/.exec(status);
    const item = await api(open, "GET", `public/secrets/${id}/status`, { headers: { "Manage-Token": token } });
    assert.deepEqual([item.expiration, item.max_views, item.view_button, item.captcha, item.view_times],
      [1, 3, true, false, 1]);

    // The two parts make up the link, and the text for the recipient has the whole link, in either language.
    for (const summary of await page.locator(".link-panel summary").all()) await summary.click();
    const [without, key] = await page.locator(".halves input").evaluateAll((inputs) => inputs.map(({ value }) => value));
    assert.equal(`${without}#${key}`, link);
    const text = page.locator(".message-text textarea");
    assert.ok((await text.inputValue()).includes(link));
    assert.match(await text.inputValue(), /works until .*You also need a password/s);
    await page.getByLabel("Recipient’s language").selectOption("sv");
    await page.waitForSelector(".message-text textarea[lang=sv]");
    assert.match(await text.inputValue(), /3 gånger.*giltig till .*lösenord/s);
  },

  async "by keyboard only"(tools) {
    await advance("open", HOUR);
    const context = await tools.context({ permissions: ["clipboard-read", "clipboard-write"] });
    const page = await tools.open("/", { context });
    await secretField(page).waitFor();
    const tabTo = async (selector) => {
      for (let presses = 0; presses < 40; presses += 1) {
        if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
        await page.keyboard.press("Tab");
      }
      assert.fail(`Tab does not lead to ${selector}`);
    };
    // The text has the focus.
    await page.keyboard.type("typed");
    await tabTo("[name=choice-2]");
    await page.keyboard.press("ArrowRight");
    await tabTo("input[type=number]");
    await page.keyboard.press("ArrowUp");
    assert.match(await page.locator(".summary").innerText(), /^Opens 4 times/);
    await tabTo("textarea");
    await page.keyboard.press("Control+Enter");
    const link = await linkOf(page);
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1", "the focus moves to the new part");
    await tabTo(".copyline button");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelector(".copyline button").textContent === "Copied");
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), link);
    assert.equal((await openLink(open, link)).text, "typed");
    assert.equal((await openLink(open, link)).text, "typed");
  },

  async "back leads to an empty form"(tools) {
    await advance("open", HOUR);
    const page = await tools.open("/docs");
    await page.goto(`${open.url}/`);
    await secretField(page).fill("not to be seen again");
    await submit(page);
    await linkOf(page);
    assert.ok(!(await page.content()).includes("not to be seen again"));
    await page.goBack();
    await page.getByRole("button", { name: "Continue without it" }).click();
    await page.waitForSelector("button[type=submit]");
    assert.equal(await secretField(page).inputValue(), "");
    await page.goto(`${open.url}/docs`);
    await page.goBack();
    await page.waitForSelector("textarea");
    assert.equal(await secretField(page).inputValue(), "");
    await page.reload();
    await page.waitForSelector("textarea");
    assert.equal(await secretField(page).inputValue(), "");
  },

  async "files are shown before they are sent"(tools) {
    const page = await tools.open("/");
    await page.locator("input[type=file]").setInputFiles([
      { name: "dot.png", mimeType: "image/png", buffer: PICTURE },
      { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from(`first <b>line</b>\n${"x".repeat(100_000)}`) },
      { name: "no.txt", mimeType: "text/plain", buffer: Buffer.from([1, 0, 2]) },
      { name: "wrong.png", mimeType: "image/png", buffer: Buffer.from("text") },
      file("data.bin", 10, "application/octet-stream"),
    ]);
    for (const name of ["dot.png", "notes.txt", "no.txt", "wrong.png"]) {
      await page.getByRole("button", { name: `Show ${name}` }).click();
    }
    assert.equal(await page.getByRole("button", { name: /^Show/ }).count(), 0, "other files are only sent");
    await page.waitForFunction(() => document.querySelector(".preview img")?.naturalWidth === 2);
    assert.match(await page.locator(".preview pre").innerText(), /^first <b>line<\/b>/);
    await page.getByText("Only the beginning is shown.").waitFor();
    await page.getByText("This is not a text.").waitFor();
    await page.getByText("This is not a picture that your browser can show.").waitFor();
    await tools.check(page, "create-preview");
    await page.getByRole("button", { name: "Hide notes.txt" }).click();
    assert.equal(await page.locator(".preview pre").count(), 0);
    await page.getByRole("button", { name: "Remove dot.png" }).click();
    assert.equal(await page.locator(".preview img").count(), 0);
  },

  async "account holders sign in first"(tools) {
    const allow = [/403/];
    const signIn = (page) => page.locator(".new-secret .notice button").click();
    await tools.everyLook("create-stranger", "/", async (page) => { await secretField(page).waitFor(); },
      { server: "account" });
    await tools.everyLook("create-sign-in", "/", async (page) => {
      await signIn(page);
      await page.waitForSelector(".sign-in");
    }, { server: "account" });
    const page = await tools.open("/", { server: "account", allow });
    await signIn(page);
    const key = page.getByLabel("Private key", { exact: true });
    const enter = () => page.getByRole("button", { name: "Sign in" }).click();
    await key.fill(account.public_key);
    await enter();
    await page.getByText("This is a public key").waitFor();
    await key.fill("private_key_" + "x".repeat(40));
    await enter();
    await page.getByText("This server does not know that key").waitFor();
    await tools.check(page, "create-sign-in-wrong");
    await key.fill(account.key);
    await enter();
    await secretField(page).fill("of an account");
    await more(page);
    await page.getByLabel("Description").fill("for the list");
    await submit(page);
    const link = await linkOf(page);
    const [item] = await api(account, "GET", "secrets", { key: account.key });
    assert.equal(item.description, "for the list");
    assert.ok(link.includes(item.id));
    assert.equal((await openLink(account, link)).text, "of an account");
    const stored = await page.evaluate(() => [JSON.stringify(localStorage), document.cookie, location.href].join());
    assert.ok(!stored.includes(account.key));
    // The status page knows the key of the tab.
    await page.getByRole("link", { name: "Open the status page" }).click();
    await page.getByText("It was viewed").waitFor();
  },

  async "signing in last loses nothing"(tools) {
    const page = await tools.open("/", { server: "account" });
    await secretField(page).fill("written first");
    await submit(page);
    await page.getByLabel("Private key", { exact: true }).fill(account.key);
    await page.getByRole("button", { name: "Sign in" }).click();
    await submit(page);
    assert.equal((await openLink(account, await linkOf(page))).text, "written first");
    assert.equal(await page.getByText("Keep the status link on this device").count(), 0);
  },

  async "a date and time of expiry"(tools) {
    await advance("open", HOUR);
    const page = await tools.open("/");
    await secretField(page).fill("until then");
    await page.getByRole("group", { name: "Expires" }).getByText("Custom").click();
    const moment = page.getByLabel("Date and time of expiry");
    const local = (hours) => page.evaluate((hours) => {
      const at = new Date(Date.now() + hours * 3_600_000);
      return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
    }, hours);
    for (const wrong of ["", await local(0.02), await local(24 * 400)]) {
      await moment.fill(wrong);
      await submit(page);
      await page.getByText(/Choose a moment from .* to /).waitFor();
    }
    const chosen = await local(30.5);
    await moment.fill(chosen);
    assert.match(await page.locator(".summary").innerText(), /^Opens once · expires on /);
    await submit(page);
    const link = await linkOf(page);
    const [, id, token] = /\/status\/([A-Za-z0-9]{31})#(.+)$/.exec(
      await page.getByRole("link", { name: "Open the status page" }).getAttribute("href"));
    const made = await api(open, "GET", `public/secrets/${id}/status`, { headers: { "Manage-Token": token } });
    const end = await page.evaluate((chosen) => new Date(chosen).getTime(), chosen);
    assert.equal(Date.parse(made.expires_at), end);
    assert.ok(link.includes(id));
  },

  async "shared or mailed"(tools) {
    await advance("open", HOUR);
    const context = await tools.context();
    await context.addInitScript(() => {
      navigator.share = async (shared) => { window.shared = shared; };
    });
    const page = await tools.open("/", { context });
    await secretField(page).fill("shared");
    await submit(page);
    const link = await linkOf(page);
    const mail = new URL(await page.getByRole("link", { name: "Email" }).getAttribute("href"));
    assert.equal(mail.protocol, "mailto:");
    assert.match(mail.searchParams.get("subject"), /Drop & Söner/);
    assert.ok(mail.searchParams.get("body").includes(`\r\n${link}\r\n`));
    await page.getByRole("button", { name: "Share" }).click();
    assert.ok((await page.evaluate(() => window.shared.text)).includes(link));
    // What was shared may be left.
    await page.getByRole("button", { name: "Create another secret" }).click();
    await secretField(page).waitFor();
  },

  async "made on this device"(tools) {
    await advance("open", HOUR);
    const context = await tools.context({ permissions: ["clipboard-read", "clipboard-write"] });
    const page = await tools.open("/", { context, allow: [/404|ERR_INTERNET_DISCONNECTED/] });
    const make = async (text) => {
      await secretField(page).fill(text);
      await submit(page);
      const link = await linkOf(page);
      await page.locator(".copyline button").first().click();
      return link;
    };
    const another = () => page.getByRole("button", { name: "Create another secret" }).click();
    const box = page.getByLabel("Keep the status link on this device");
    const rows = page.locator(".made > li");

    // Only for who wants it.
    await make("not kept");
    await another();
    await secretField(page).waitFor();
    assert.equal(await rows.count(), 0);
    assert.equal(await page.evaluate(() => localStorage.getItem("made")), null);
    const first = await make("hunter2");
    await box.check();
    await page.getByLabel("Name in the list").fill("Wi-Fi for <b>Karin</b>");
    const kept = await page.evaluate(() => localStorage.getItem("made"));
    const [, , key] = /\/([A-Za-z0-9]{31})\/#(.+)$/.exec(first);
    assert.ok(!kept.includes(key) && !kept.includes("hunter2") && kept.includes("Karin"));
    await another();
    await rows.getByText("Waiting, until").waitFor();
    await page.getByRole("link", { name: "Wi-Fi for <b>Karin</b>" }).waitFor();
    // The next ones are kept as well.
    await make("second");
    assert.ok(await box.isChecked());
    await another();
    await rows.nth(1).waitFor();
    await tools.check(page, "create-made");

    // It is live, in another tab and after a reload.
    await openLink(open, first);
    const other = await tools.open("/", { context, allow: [/404/] });
    await other.getByText("Viewed 1 of 1, last on").waitFor();
    await other.close();
    await page.reload();
    await page.getByText("Viewed 1 of 1, last on").waitFor();
    await rows.first().getByRole("button", { name: "Copy status link" }).click();
    const status = await page.evaluate(() => navigator.clipboard.readText());
    const follow = await tools.open(status, { context, allow: [/404/] });
    await follow.getByText("Nobody has viewed it yet.").waitFor();
    await follow.close();

    await rows.first().getByRole("button", { name: "Delete now" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete now" }).click();
    await rows.first().getByText("Deleted or expired").waitFor();
    await api(open, "GET", `public/secrets/${/status\/(\w+)/.exec(status)[1]}`, { status: 404 });
    await context.setOffline(true);
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await page.getByText("Status unknown").waitFor();
    await context.setOffline(false);

    await rows.first().getByRole("button", { name: "Remove from list" }).click();
    assert.equal(await rows.count(), 1);
    await page.getByRole("button", { name: "Clear the list" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Clear the list" }).click();
    await page.waitForFunction(() => !document.querySelector(".made-here"));
    assert.equal(await page.evaluate(() => localStorage.getItem("made")), null);

    // What something else has written there is no list.
    for (const wrong of ["{", "[]", '{"isOn":true,"list":[{"id":"../x","token":"y"}]}']) {
      await page.evaluate((text) => localStorage.setItem("made", text), wrong);
      await page.reload();
      await secretField(page).waitFor();
      assert.equal(await rows.count(), 0);
    }
  },

  async "a key that is no longer valid loses nothing"(tools) {
    const page = await tools.open("/", { server: "account", allow: [/403/] });
    await page.evaluate(() => sessionStorage.setItem("key", "private_key_revoked"));
    await page.reload();
    await secretField(page).fill("still here");
    await submit(page);
    await page.getByText("no longer valid").waitFor();
    await page.getByLabel("Private key", { exact: true }).fill(account.key);
    await page.getByRole("button", { name: "Sign in" }).click();
    await submit(page);
    assert.equal((await openLink(account, await linkOf(page))).text, "still here");
  },

  async "what does not fit is told before it is sent"(tools) {
    const page = await tools.open("/");
    let calls = 0;
    page.on("request", (request) => { calls += request.method() === "POST" ? 1 : 0; });
    await secretField(page).fill("å".repeat(320_000));
    await page.getByText(/over this server’s limit/).waitFor();
    await submit(page);
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "TEXTAREA");
    await secretField(page).fill("short");
    assert.equal(await page.locator(".error:not([hidden])").count(), 0);
    const choose = page.locator("input[type=file]");
    await choose.setInputFiles(Array.from({ length: 11 }, (_, at) => file(`${at}.txt`)));
    await page.getByText("You can attach only 10 files.").first().waitFor();
    assert.equal(await page.locator(".files li").count(), 10);
    await page.getByRole("button", { name: "Remove 9.txt" }).click();
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), "Remove 8.txt");
    await more(page);
    await page.getByRole("group", { name: "Views" }).getByText("Custom").click();
    await page.getByLabel("Number of views").fill("101");
    await page.getByLabel("Password", { exact: true }).fill(" \u3000\u200b");
    await page.getByLabel("Message to the recipient").fill("å".repeat(1002));
    await page.getByText("2 characters too many").waitFor();
    await submit(page);
    await page.getByText("Choose a whole number from 1 to 100.").waitFor();
    await page.getByText("A password cannot consist of spaces only.").waitFor();
    assert.equal(calls, 0);
  },

  async "the longest text goes through"(tools) {
    await advance("open", HOUR);
    const page = await tools.open("/");
    // The longest text that fits: base64 of JSON with base64 in it, in 1 MiB.
    const longest = await page.evaluate(() => {
      const { max_ciphertext: max } = JSON.parse(document.getElementById("data").textContent).config;
      return Math.floor((max * 0.75 - 300) * 0.75) - 16;
    });
    await secretField(page).fill("x".repeat(longest + 1));
    await page.getByText(/over this server’s limit/).waitFor();
    await secretField(page).fill("x".repeat(longest));
    await submit(page);
    assert.equal((await openLink(open, await linkOf(page))).text.length, longest);
  },

  async "what the server refuses stands at its field, in the reader's language"(tools) {
    const page = await tools.open("/", { lang: "sv", allow: [/422|413|429|503|507|403|ERR_FAILED/] });
    await secretField(page).fill("hemligt");
    await more(page);
    const refuse = (status, field, headers = {}) => page.route("**/api/public/secrets", (route) => route.fulfill({
      status, headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify({ error: { message: "untranslated", field } }),
    }), { times: 1 });
    const cases = [
      [413, "ciphertext", /Texten är för lång/], [422, "expiration", /tillåter inte den tiden/],
      [422, "max_views", /heltal från 1 till 100/], [422, "password", /inga radbrytningar/],
      [422, "message", /för långt/], [422, "attachments", /inte emot de här filerna/],
      [429, null, /Försök igen om 2 minuter/, { "Retry-After": "120" }], [507, null, /inte plats/], [503, null, /upptagen/],
      [403, null, /har ett konto/],
    ];
    for (const [status, field, text, headers] of cases) {
      await refuse(status, field, headers);
      await submit(page);
      await page.getByText(text).first().waitFor();
      assert.ok(!(await page.locator("body").innerText()).includes("untranslated"), `${status} ${field}`);
    }
    await page.route("**/api/public/secrets", (route) => route.abort(), { times: 1 });
    await submit(page);
    await page.getByText(/Servern kan inte nås/).waitFor();
    await tools.check(page, "create-offline");
    assert.equal(await secretField(page).inputValue(), "hemligt");
  },

  async "without WebCrypto"(tools) {
    await advance("open", HOUR);
    const page = await tools.open(insecure(open.url) + "/", { allow: [/Cross-Origin-Opener-Policy/] });
    await page.getByText("This connection is not encrypted").waitFor();
    await secretField(page).fill("plain http");
    await page.locator("input[type=file]").setInputFiles([file("a.txt", 5000)]);
    await more(page);
    await page.locator(".generator button").first().click();
    await page.waitForFunction(() => document.querySelector(".password input").value.includes("-"));
    const password = await page.locator(".password input").inputValue();
    await submit(page);
    const seen = await openLink(open, await linkOf(page), { password });
    assert.equal(seen.text, "plain http");
    assert.equal(inlineFile(seen.attachments[0]).length, 5000);
    const copy = page.locator(".copyline button").first();
    await copy.click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
  },

  async "a text that looks like the packed form stays a text"(tools) {
    await advance("open", HOUR);
    const page = await tools.open("/");
    const text = '{"sealdrop":1,"text":"other","attachments":[]}';
    await secretField(page).fill(text);
    await submit(page);
    assert.equal((await openLink(open, await linkOf(page))).text, text);
  },

  async "what others wrote is text"(tools) {
    const page = await tools.open("/", { allow: [/404/] });
    const choose = page.locator("input[type=file]");
    for (let at = 0; at < PAYLOADS.length; at += 10) {
      await choose.setInputFiles(PAYLOADS.slice(at, at + 10).map((name) => file(name)));
      await page.waitForFunction(() => document.querySelectorAll(".files li").length === 10);
      await inert(page);
      for (let left = 10; left > 0; left -= 1) await page.locator(".files .remove").first().click();
    }
    await secretField(page).fill(PAYLOADS.join("\n"));
    await advance("open", HOUR);
    await submit(page);
    assert.equal((await openLink(open, await linkOf(page))).text, PAYLOADS.join("\n"));
    await inert(page);
  },

  async "a token of a box leads to the box"(tools) {
    // There is no such box, which its page may say before the flow ends.
    const page = await tools.open("/#0123456789abcdefghijABCDEFGHIJx", { allow: [/status of 400/] });
    await page.waitForURL(`${open.url}/box/0123456789abcdefghijABCDEFGHIJx`);
  },
});
