// The pages for those who use a keyboard only, enlarge them, or have chosen few and strong colours.
import assert from "node:assert/strict";
import { ALLOW, filled, nameOf, pages } from "./all_pages.mjs";
import { advance, run, servers } from "./harness.mjs";
import { focused, tabTo, walk } from "./keyboard.mjs";
import { api, makeSecret as make, openLink } from "./secrets.mjs";
import { heading, logOf, makeSecret } from "./view_secrets.mjs";

const { account, open } = servers;
const HOUR = 3601;
const ACCOUNT = { server: "account" };

/** Each page, when its script has filled it. */
async function eachPage(tools, options, act) {
  for (const path of await pages()) {
    const page = await tools.open(path, { ...options, ...ALLOW });
    await filled(page);
    await act(page, path);
    await page.close();
  }
}

/** Opens every part that is folded away, except in the long list of calls. */
async function unfold(page, path) {
  if (path === "/docs") return;
  for (const summary of await page.locator("details:not([open]) > summary").all()) {
    if (await summary.isVisible()) await summary.click();
  }
}

await run({
  async "forced colours"(tools) {
    await eachPage(tools, { forcedColors: "active" }, async (page, path) => {
      await unfold(page, path);
      const bare = await page.evaluate(() => [...document.querySelectorAll("button, a.button, input, select, textarea")]
        .filter((control) => control.checkVisibility() && !["checkbox", "radio", "file"].includes(control.type))
        .filter((control) => {
          const { borderTopStyle, borderTopWidth } = getComputedStyle(control);
          return borderTopStyle === "none" || borderTopWidth === "0px";
        }).map((control) => control.outerHTML));
      assert.deepEqual(bare, [], `${path}: without a border`);
      // What is chosen has other colours than the rest.
      const alike = await page.evaluate(() => [...document.querySelectorAll(".ways, .choice")].flatMap((group) => {
        const parts = [...group.querySelectorAll("a, label, button")].filter((part) => part.checkVisibility());
        const chosen = parts.filter((part) => part.matches(":is([aria-current], [aria-selected=true], [aria-pressed=true], :has(:checked))"));
        const colorOf = (part) => {
          const { backgroundColor } = getComputedStyle(part);
          return backgroundColor.endsWith(", 0)") && part.parentElement ? colorOf(part.parentElement) : backgroundColor;
        };
        const others = parts.filter((part) => !chosen.includes(part)).map(colorOf);
        return chosen.filter((part) => others.includes(colorOf(part))).map((part) => part.textContent);
      }));
      assert.deepEqual(alike, [], `${path}: chosen, and looks like the others`);
      await tools.shot(page, `forced-${nameOf(path)}`);
      await page.reload();
      await page.waitForSelector("h1");
      await walk(page);
    });
  },

  async "enlarged to 200 % and in a window of 320 pixels"(tools) {
    for (const [size, options] of [
      ["zoomed", { viewport: { width: 640, height: 450 }, deviceScaleFactor: 2 }],
      ["narrow", { viewport: { width: 320, height: 640 } }],
    ]) {
      await eachPage(tools, options, async (page, path) => {
        await unfold(page, path);
        await tools.check(page, `${size}-${nameOf(path)}`, { picture: path !== "/docs" });
        await page.reload();
        await page.waitForSelector("h1");
        await walk(page);
      });
    }
  },

  async "a secret is sent and opened by keyboard"(tools) {
    await advance("open", HOUR);
    const page = await tools.open("/");
    await page.waitForSelector("textarea");
    if ((await focused(page)).tag !== "TEXTAREA") await tabTo(page, "Your secret");
    await page.keyboard.type("typed");
    await tabTo(page, "Create link");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".link-panel");
    await tabTo(page, /^Copy/);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Copied" }).first().waitFor();

    const reader = await tools.open(await page.locator(".link-line input").inputValue());
    await reader.waitForSelector("h1");
    await tabTo(reader, "Open the secret");
    await reader.keyboard.press("Enter");
    await heading(reader, "Here is your secret");
    await tabTo(reader, "Show");
    await reader.keyboard.press("Enter");
    assert.equal(await reader.locator(".secret pre").textContent(), "typed");
  },

  async "a request is answered by keyboard"(tools) {
    const { id } = await api(account, "POST", "secret_requests", { key: account.key, body: { message: "the code" } });
    const page = await tools.open(`/req/${id}`, ACCOUNT);
    await page.getByText("the code").waitFor();
    await page.waitForSelector("textarea");
    if ((await focused(page)).tag !== "TEXTAREA") await tabTo(page, "Your secret");
    await page.keyboard.type("4711");
    await tabTo(page, await page.locator("button[type=submit]").first().innerText());
    await page.keyboard.press("Enter");
    await page.waitForSelector(".link-panel");
    assert.equal((await openLink(account, await page.locator(".link-line input").inputValue())).text, "4711");
  },

  async "a secret is deleted by keyboard, and Escape changes nothing"(tools) {
    const secret = await makeSecret({ max_views: 2 });
    const made = await make(open, "text");
    const page = await tools.open(`/status/${made.id}#${made.manage_token}`, ALLOW);
    await page.waitForSelector("dl");
    const button = await page.locator("main .danger").first().innerText();
    await tabTo(page, button);
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.equal((await focused(page)).name, button);
    await page.keyboard.press("Enter");
    await tabTo(page, await page.getByRole("dialog").locator(".danger").innerText(), { limit: 3 });
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "The secret is deleted" }).waitFor();
    assert.equal((await logOf(secret.id)).view_times, 0);
  },

  async "an account is used by keyboard"(tools) {
    await make(account, "text", { description: "by keyboard" }, { key: account.key });
    const page = await tools.open("/manage", ACCOUNT);
    await page.waitForSelector(".sign-in");
    await tabTo(page, "Private key");
    await page.keyboard.type(account.key);
    await page.keyboard.press("Enter");
    await page.waitForSelector("[role=tablist]");
    await tabTo(page, /^Secrets/);
    await page.keyboard.press("ArrowRight");
    await page.locator("#panel-requests").waitFor();
    await page.keyboard.press("Home");
    // The tab shows its earlier rows until they are read again.
    await page.locator("#panel-secrets [aria-busy=true]").first().waitFor({ state: "detached" });
    await page.locator(".items .act button").first().waitFor();
    await tabTo(page, /^Details of/);
    await page.keyboard.press("Enter");
    await page.locator(".items .more").first().waitFor();
    await tabTo(page, "Sign out", { key: "Shift+Tab" });
    await page.keyboard.press("Enter");
    await page.waitForSelector(".sign-in");
  },

  async "the language and the calls by keyboard"(tools) {
    const page = await tools.open("/docs");
    await page.waitForSelector("details summary");
    await page.locator("details summary").first().focus();
    await page.keyboard.press("Enter");
    await page.locator("details[open]").first().waitFor();
    await page.locator("#language").focus();
    await page.keyboard.press("ArrowDown");
    await page.waitForSelector("html:not([lang=en])");
  },
});
