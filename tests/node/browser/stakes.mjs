// Data that cannot be restored is never lost without a question, and there is no question if nothing is lost.
import assert from "node:assert/strict";
import { quickBox, quickSend, PASSPHRASE } from "./box_tools.mjs";
import { advance, run, servers } from "./harness.mjs";
import { enter } from "./signed_in.mjs";
import { call, heading, makeSecret, openSecret, readSecret } from "./view_secrets.mjs";

const HOUR = 3601;
const FILE = { name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("a") };

/** Whether the browser asks when the page is left. It stays then: the answer is no. */
async function asks(page) {
  const isAsked = await new Promise((tell, fail) => {
    const end = (act, value) => {
      clearTimeout(late);
      page.off("dialog", asked);
      page.off("framenavigated", left);
      act(value);
    };
    const asked = async (dialog) => {
      await dialog.dismiss();
      end(tell, dialog.type() === "beforeunload");
    };
    const left = () => end(tell, false);
    const late = setTimeout(() => end(fail, new Error("neither asked nor left")), 15_000);
    page.on("dialog", asked);
    page.on("framenavigated", left);
    page.evaluate(() => { setTimeout(() => location.reload()); }).catch(() => {});
  });
  if (!isAsked) await page.waitForSelector("h1");
  return isAsked;
}

/** Clicks on the page: a browser asks only after a user action on the page. */
async function touch(page) {
  await page.locator("h1:not(.hidden), .lead").first().click();
}

async function ready(page, text = "hunter2") {
  await page.locator("textarea").first().fill(text);
  await page.locator("button[type=submit]").first().click();
  await page.waitForSelector(".link-panel");
}

/** Drops onto the element of a selector; `kind` "folder" is one. Returns whether the page handled it. */
async function drop(page, selector, { kind = "file", name = "dropped.txt" } = {}) {
  await page.waitForSelector(selector, { state: "attached" });
  // Found and dropped onto in one go: a page that replaces its content leaves no time for another.
  return page.evaluate(({ selector, kind, name }) => {
    const target = document.querySelector(selector);
    const data = new DataTransfer();
    if (kind === "text") data.setData("text/uri-list", "https://example.org/");
    else data.items.add(new File(["x"], name, { type: "text/plain" }));
    if (kind === "folder") {
      const item = { kind: "file", webkitGetAsEntry: () => ({ isDirectory: true, name }), getAsFile: () => null };
      Object.defineProperty(data, "items", { value: [item] });
    }
    const event = (type) => new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: data });
    target.dispatchEvent(event("dragenter"));
    const over = event("dragover");
    target.dispatchEvent(over);
    const dropped = event("drop");
    target.dispatchEvent(dropped);
    return over.defaultPrevented && dropped.defaultPrevented;
  }, { selector, kind, name });
}

await run({
  async "what is typed and chosen"(tools) {
    const page = await tools.open("/");
    await touch(page);
    assert.equal(await asks(page), false, "an empty form");
    const text = page.locator("textarea").first();
    await text.fill("typed");
    assert.equal(await asks(page), true);
    assert.equal(await text.inputValue(), "typed");
    await text.fill("");
    await touch(page);
    assert.equal(await asks(page), false, "what was typed is gone again");
    await page.locator("input[type=file]").setInputFiles([FILE]);
    await touch(page);
    assert.equal(await asks(page), true, "a file");
    await page.locator(".files .remove").click();
    await touch(page);
    assert.equal(await asks(page), false, "no file any more");
    await page.locator(".settings summary").click();
    await page.locator(".generator button").first().click();
    await page.waitForSelector(".strength:not([hidden])");
    assert.equal(await asks(page), true, "a generated password");
  },

  async "a link that nobody has copied"(tools) {
    await advance("open", HOUR);
    const context = await tools.context();
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const takes = {
      link: (page) => page.locator(".link-line .button").first().click(),
      "the keyboard": async (page) => {
        await page.locator(".link-line input").focus();
        await page.keyboard.press("Control+C");
      },
      text: async (page) => {
        await page.locator(".message-text summary").click();
        await page.locator(".message-text .actions .button").click();
      },
      "both halves": async (page) => {
        await page.locator(".halves summary").click();
        await page.locator(".halves .button").nth(0).click();
        assert.equal(await asks(page), true, "one half");
        await page.locator(".halves .button").nth(1).click();
      },
    };
    for (const [name, take] of Object.entries(takes)) {
      const page = await tools.open("/", { context });
      await ready(page);
      const link = await page.locator(".link-line input").inputValue();
      assert.equal(await asks(page), true, name);
      assert.equal(await page.locator(".link-line input").inputValue(), link);
      await take(page);
      await touch(page);
      assert.equal(await asks(page), false, name);
      await page.close();
    }
    const page = await tools.open("/", { context });
    await ready(page);
    const link = await page.locator(".link-line input").inputValue();
    // "Back" and the button lead to an empty form: they ask, too.
    for (const leave of [() => page.goBack(), () => page.getByRole("button", { name: "Create another secret" }).click()]) {
      await leave();
      await page.getByRole("dialog").waitFor();
      await page.getByRole("button", { name: "Cancel" }).click();
      assert.equal(await page.locator(".link-line input").inputValue(), link);
    }
    await page.goBack();
    await page.getByRole("button", { name: "Continue without it" }).click();
    await page.locator("form textarea").first().waitFor();
    assert.equal(await page.locator("textarea").first().inputValue(), "");
  },

  async "an answer to a request"(tools) {
    const { data } = (await call("POST", "/api/secret_requests", { message: "Send", limit: 2 })).json;
    const page = await tools.open(`/req/${data.id}`);
    await page.locator("textarea").first().fill("typed");
    assert.equal(await asks(page), true);
    await ready(page);
    assert.equal(await asks(page), true);
    await page.goBack();
    await page.getByRole("dialog").waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    assert.ok(await page.locator(".link-panel").isVisible());
  },

  async "a secret that is here once"(tools) {
    const secret = await makeSecret({ max_views: 1 });
    const context = await tools.context();
    await context.clock.install();
    const page = await tools.open(secret.path, { context, allow: [/404/] });
    await touch(page);
    assert.equal(await asks(page), false, "nothing is spent");
    await openSecret(page);
    assert.equal(await asks(page), false, "it can be loaded again within the lease");
    await heading(page, "Here is your secret");
    await page.clock.runFor(61_000);
    await touch(page);
    assert.equal(await asks(page), true, "it was not read");
    await readSecret(page);
    assert.equal(await asks(page), false, "it was read");
    const other = await tools.open((await makeSecret({ max_views: 1 })).path.replace(/#.*/, ""));
    await other.locator("textarea.key").fill("typed");
    assert.equal(await asks(other), false, "a key is kept elsewhere");
  },

  async "boxes and an account"(tools) {
    const { token } = await quickBox("open", { deletemessagesafterreading: "true" });
    await quickSend(token, { text: "once" });
    const page = await tools.open(`/box/${token}`);
    await page.locator("#message").fill("typed");
    assert.equal(await asks(page), true);
    await page.locator("#message").fill("");
    await page.locator("#tab-open").click();
    await page.locator("#panel-open .password input").fill(PASSPHRASE);
    assert.equal(await asks(page), false, "a passphrase is known");
    await page.locator("#tab-open").click();
    await page.locator("#panel-open .password input").fill(PASSPHRASE);
    await page.locator("#panel-open button[type=submit]").click();
    await page.waitForSelector(".message");
    assert.equal(await asks(page), true, "read, and deleted");
    await page.getByRole("button", { name: "Close the box" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    assert.ok(await page.locator(".message").isVisible());

    await advance("open", HOUR);
    const made = await tools.open("/box");
    await made.locator("form .password input").fill(PASSPHRASE);
    await made.getByRole("switch").setChecked(false);
    await made.getByRole("button", { name: "Create box" }).click();
    await made.getByRole("heading", { name: "Your box is ready" }).waitFor();
    assert.equal(await asks(made), true, "its link");
    await made.getByRole("link", { name: "Go to the box" }).click();
    await made.waitForURL(/\/box\/\w{31}$/);

    const account = await tools.open("/manage#account", { server: "account" });
    await enter(account, servers.account);
    await account.locator("input[type=email]").fill("a@example.org");
    assert.equal(await asks(account), true);
    await account.getByRole("button", { name: "Save", exact: true }).click();
    await account.waitForSelector(".notice.ok");
    assert.equal(await asks(account), false, "it is saved");
  },

  async "files that are dropped anywhere"(tools) {
    const page = await tools.open("/");
    const list = page.locator(".list.files");
    for (const [at, place] of ["header.site", "h1", "textarea", "footer.site", ".drop"].entries()) {
      assert.ok(await drop(page, place, { name: `${at}.txt` }), place);
      assert.match(await list.innerText(), new RegExp(`${at}\\.txt`));
    }
    assert.equal(await page.locator("textarea").first().inputValue(), "");
    assert.ok(await drop(page, "h1", { kind: "folder", name: "Semester 2025" }));
    assert.match(await page.locator(".file-picker .error").innerText(), /“Semester 2025” is a folder/);
    assert.equal(await list.locator("li").count(), 5);
    assert.ok(await drop(page, "h1", { kind: "text" }), "a link leads nowhere");
    assert.ok(!await drop(page, "textarea", { kind: "text" }), "a text goes into its field");
    const { token } = await quickBox();
    const box = await tools.open(`/box/${token}`);
    await box.waitForSelector("#message");
    assert.ok(await drop(box, "h1"));
    assert.match(await box.locator(".list.files").innerText(), /dropped\.txt/);
    await box.locator("#tab-open").click();
    await box.locator("[name=way][value=key]").check();
    assert.ok(await drop(box, "h1", { name: "box.pem" }));
    assert.match(await box.locator("#panel-open input[type=file]").inputValue(), /box\.pem$/);
    // If a page accepts no files, a drop does nothing, and nothing is left.
    const secret = await makeSecret();
    for (const path of [secret.path, "/docs", "/manage", "/nothing"]) {
      const other = await tools.open(path, { allow: [/404/] });
      await other.waitForSelector("h1");
      assert.ok(await drop(other, "h1"), path);
      assert.ok(await drop(other, "h1", { kind: "folder" }), path);
    }
  },
});
