// The language switch: a page then shows exactly what the other language would have shown from the
// start, and nothing that was typed, chosen, opened or created is lost.
import assert from "node:assert/strict";
import { quickBox } from "./box_tools.mjs";
import { advance, run, servers } from "./harness.mjs";
import { makeSecret as make } from "./secrets.mjs";
import { enter, settled } from "./signed_in.mjs";
import { call, makeSecret } from "./view_secrets.mjs";

const { account, open } = servers;
const HOUR = 3601;
const FILE = { name: "Avtal.pdf", mimeType: "application/pdf", buffer: Buffer.alloc(1_500_000, "x") };

/**
 * All text that can be read or heard, in the order of the page; numbers that depend on the time without
 * their digits, no counting seconds (`.again`), and no distances from now, whose unit depends on the time.
 */
const told = (page) => page.evaluate(() => {
  const found = [document.title];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode;
    if (node.nodeType === Node.ELEMENT_NODE) {
      for (const name of ["aria-label", "title", "alt", "placeholder", "lang"]) {
        if (node.hasAttribute(name) && !node.closest("[translate=no]")) found.push(`${name}=${node.getAttribute(name)}`);
      }
    } else if (!node.parentElement.closest("[translate=no], .again, .moment span, #announce, noscript, script")) {
      found.push(node.data);
    }
  }
  return found.map((text) => text.replaceAll(/\d+/g, "#").trim()).filter(Boolean);
});

async function change(page, tag) {
  await page.locator("#language").selectOption(tag);
  await page.waitForSelector(`html[lang=${tag}]`);
}

/** `prepare(page)` brings the page at `path` to the state to look at, whatever its language. */
async function same(tools, path, prepare = async () => {}, { options = {}, at = () => path } = {}) {
  const page = await tools.open(at(), { ...options });
  await prepare(page);
  await page.evaluate(() => { window.isSame = true; });
  const english = await told(page);
  await change(page, "sv");
  assert.ok(await page.evaluate(() => window.isSame), "the page was loaded again");
  const other = await tools.open(at(), { ...options, lang: "sv" });
  await prepare(other);
  assert.deepEqual(await told(page), await told(other), path);
  await change(page, "en");
  assert.deepEqual(await told(page), english, path);
  await other.close();
  return page;
}

const openIt = async (page) => {
  await page.locator(".view form button.big").click();
  await page.waitForSelector("#secret");
};

await run({
  async "a form that is filled in"(tools) {
    const page = await same(tools, "/", async (page) => {
      await page.locator("textarea").first().fill("Copy");
      await page.locator("input[type=file]").setInputFiles([FILE]);
      await page.locator(".settings summary").click();
      await page.locator(".settings [value=custom]").last().check({ force: true });
      await page.locator(".settings .custom input[type=number]").fill("1000");
      await page.locator(".password input").fill("a good password");
      await page.waitForSelector(".strength:not([hidden])");
      await page.locator("button[type=submit]").click();
      await page.waitForSelector(".error:not([hidden])");
    });
    assert.equal(await page.locator("textarea").first().inputValue(), "Copy");
    assert.equal(await page.locator(".password input").inputValue(), "a good password");
    assert.match(await page.locator(".list.files").innerText(), /Avtal\.pdf/);
    // The following texts are in the language of that time.
    await change(page, "sv");
    await page.locator(".settings .custom input[type=number]").fill("3");
    assert.match(await page.locator(".summary").innerText(), /3 gånger/);
    const cookies = await page.context().cookies();
    assert.equal(cookies.find(({ name }) => name === "lang").value, "sv");
  },

  async "a link that is ready"(tools) {
    await advance("open", HOUR);
    const page = await same(tools, "/", async (page) => {
      await page.locator("textarea").first().fill("hunter2");
      await page.locator("button[type=submit]").click();
      await page.waitForSelector(".link-panel");
      for (const summary of await page.locator(".link-panel summary").all()) await summary.click();
      await page.waitForSelector("svg.qr");
    });
    assert.match(await page.locator(".link-line input").inputValue(), /\/[A-Za-z0-9]{31}\/#/);
  },

  async "a secret before and after it is opened"(tools) {
    const asked = await makeSecret({ password: "p", captcha: true, view_button: true, max_views: 3 });
    await same(tools, asked.path, async (page) => {
      await page.getByText(/Done: you are not a bot|Klart: du är inte en robot/).waitFor();
      await page.locator(".view form button.big").click();
      await page.waitForSelector(".error:not([hidden])");
    });
    // A text that the page has received stays unchanged.
    const secret = await makeSecret({
      text: "Show", max_views: 3, message: "Copy", attachments: [{ name: "a", data: new Uint8Array(1500) }],
    });
    const page = await same(tools, secret.path, async (page) => {
      await openIt(page);
      await page.locator("#secret ~ .actions button").nth(1).click();
      await page.locator(".files button").click();
      await page.waitForSelector(".badge.ok");
    });
    assert.equal(await page.locator(".secret pre").textContent(), "Show");
    assert.equal(await page.locator("blockquote").textContent(), "Copy");
    const { key, ...gone } = await makeSecret({ max_views: 1 });
    await call("DELETE", `/api/secrets/${gone.id}`);
    const allow = [/404/];
    await same(tools, gone.path, (page) => page.waitForSelector(".view ul"), { options: { allow } });
    await same(tools, `/${gone.id}/`, (page) => page.waitForSelector("textarea.key"));
    const other = await makeSecret({ max_views: 3 });
    await same(tools, other.path.slice(0, -6), async (page) => {
      await page.locator(".view form button.big").click();
      await page.waitForSelector("textarea.key");
      await page.locator("textarea.key").fill("#");
      await page.locator(".view form button").click();
      await page.waitForSelector(".error:not([hidden])");
    });
  },

  async "requests and what became of a secret"(tools) {
    const { data } = (await call("POST", "/api/secret_requests", {
      message: "Send", secret_max_views: 2, secret_expiration: 24, secret_message: "Save", expiration: 24, limit: 9,
    })).json;
    await advance("open", HOUR);
    await same(tools, `/req/${data.id}`, (page) => page.waitForSelector(".what"));
    await same(tools, `/req/${data.id}`, async (page) => {
      await page.locator("textarea").first().fill("hunter2");
      await page.locator("button[type=submit]").click();
      await page.waitForSelector(".link-panel");
    });
    const made = await make(open, "text", { max_views: 2, message: "note" });
    await fetch(`${open.url}/api/public/secrets/${made.id}/view`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: "{}",
    });
    await same(tools, `/status/${made.id}#${made.manage_token}`, (page) => page.waitForSelector(".log"));
  },

  async "boxes"(tools) {
    await advance("open", HOUR);
    await same(tools, "/box", async (page) => {
      await page.locator("form .password input").fill("räksmörgås på Öland 🦐 7");
      await page.locator("form button[type=submit]").first().click();
      await page.waitForSelector(".link-line");
    });
    await same(tools, "/box", async (page) => {
      await page.locator("form button[type=submit]").last().click();
      await page.waitForSelector(".error:not([hidden])");
    });
    const { token } = await quickBox();
    const page = await same(tools, `/box/${token}`, async (page) => {
      await page.waitForSelector(".fingerprint", { state: "attached" });
      await page.locator("#message").fill("typed");
      await page.locator("input[type=file]").first().setInputFiles([FILE]);
    });
    assert.equal(await page.locator("#message").inputValue(), "typed");
    await same(tools, `/box/${token}`, async (page) => {
      await page.locator("#message").fill("sent");
      await page.locator("#panel-send button[type=submit]").click();
      await page.waitForSelector(".sent");
    });
    await same(tools, `/box/${token}`, async (page) => {
      await page.locator("#tab-open").click();
      await page.locator("#panel-open .password input").fill("räksmörgås på Öland 🦐 7");
      await page.locator("#panel-open button[type=submit]").click();
      await page.waitForSelector(".message");
    }, { options: { allow: [/4\d\d/] } });
  },

  async "an account"(tools) {
    await make(account, "text", { description: "Delete", view_button: true, captcha: true }, { key: account.key });
    await call("POST", "/api/secret_requests", { description: "Copy" }, "account");
    for (const tab of ["secrets", "requests", "account"]) {
      await same(tools, `/manage#${tab}`, async (page) => {
        await enter(page, account);
        await settled(page);
        const details = page.locator("[role=tabpanel]:not([hidden]) .act button").first();
        if (tab !== "account") await details.click();
        if (tab === "requests") await page.locator(".above button").click();
      }, { options: { server: "account" } });
    }
    await same(tools, "/manage", (page) => page.waitForSelector(".sign-in"), { options: { server: "account" } });
  },

  async "the APIs, and no page at all"(tools) {
    await same(tools, "/docs", async (page) => {
      await page.locator(".operation summary").first().click();
      await page.waitForSelector(".try");
    });
    await same(tools, "/nothing/here", undefined, { options: { allow: [/404/] } });
  },

  async "from right to left"(tools) {
    await advance("open", HOUR);
    const direction = (page, selector) => page.evaluate(
      (wanted) => getComputedStyle(document.querySelector(wanted)).direction, selector);
    const secret = await makeSecret({ text: "hunter2\nسر", max_views: 3, message: "Copy", password: "p" });
    const { token } = await quickBox();
    for (const [size, dark] of [["desktop", false], ["phone", true]]) {
      const options = { lang: "ar", size, dark };
      const page = await tools.open("/", options);
      assert.equal(await page.getAttribute("html", "dir"), "rtl");
      await page.locator(".settings summary").first().click();
      await tools.check(page, `rtl-create-${size}`);
      await page.locator("textarea").first().fill("hunter2");
      await page.locator("button[type=submit]").click();
      await page.waitForSelector(".link-panel");
      for (const summary of await page.locator(".link-panel summary").all()) await summary.click();
      assert.equal(await direction(page, ".link-panel"), "rtl");
      assert.equal(await direction(page, ".link-line input"), "ltr");
      await tools.check(page, `rtl-link-${size}`);

      const view = await tools.open(secret.path, options);
      await view.locator(".view form .password input").fill("p");
      await tools.check(view, `rtl-ask-${size}`);
      await openIt(view);
      await tools.check(view, `rtl-secret-${size}`);

      const box = await tools.open(`/box/${token}`, options);
      await box.waitForSelector("#message");
      await tools.check(box, `rtl-box-${size}`);
      await box.locator("#tab-send").focus();
      await box.keyboard.press("ArrowLeft");
      assert.equal(await box.getAttribute("#tab-open", "aria-selected"), "true");

      const manage = await tools.open("/manage", { ...options, server: "account" });
      await enter(manage, account);
      await settled(manage);
      await tools.check(manage, `rtl-manage-${size}`);

      const docs = await tools.open("/docs", options);
      await docs.waitForSelector(".operation");
      assert.deepEqual([await direction(docs, "#app > .card"), await direction(docs, ".operation")], ["rtl", "ltr"]);
      for (const each of [page, view, box, manage, docs]) {
        await change(each, "en");
        assert.equal(await direction(each, "body"), "ltr");
        await each.close();
      }
    }
  },

  async "texts that do not come"(tools) {
    const context = await tools.context();
    await context.route("**/locales/*/pages.json", (route) => route.abort());
    const page = await tools.open("/", { context, allow: [/ERR_FAILED/] });
    await page.locator("textarea").first().fill("typed");
    await page.locator("#language").selectOption("sv");
    await page.waitForSelector("#language-problem:not([hidden])");
    assert.equal(await page.locator("#language").inputValue(), "en");
    assert.equal(await page.locator("textarea").first().inputValue(), "typed");
    // Nor does the text for the recipient change.
    await page.locator("button[type=submit]").click();
    await page.locator(".message-text summary").click();
    await page.locator(".message-text select").selectOption("sv");
    await page.locator(".message-text .error").waitFor();
    assert.equal(await page.locator(".message-text select").inputValue(), "en");
    assert.match(await page.locator(".message-text textarea").inputValue(), /^Here is a link/);
    // If there is nothing to lose, the page is loaded again.
    const other = await tools.open("/nothing", { context, allow: [/ERR_FAILED/, /404/] });
    await other.locator("#language").selectOption("sv");
    await other.waitForSelector("html[lang=sv]");
  },

  async "a language in the address follows"(tools) {
    const page = await tools.open("/?lang=en", { lang: "sv" });
    await change(page, "sv");
    assert.equal(new URL(page.url()).search, "?lang=sv");
    await page.reload();
    assert.equal(await page.getAttribute("html", "lang"), "sv");
  },
});
