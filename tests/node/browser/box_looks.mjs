// The look of the pages of boxes, in every state: at both sizes, in both languages, light and dark.
import { randomBytes } from "node:crypto";
import { PASSPHRASE, quickBox, quickSend } from "./box_tools.mjs";
import { run, servers } from "./harness.mjs";

const LOOKS = ["desktop", "phone"]
  .flatMap((size) => [{ size, lang: "en", dark: false }, { size, lang: "sv", dark: true }]);
const called = ({ size, lang, dark }) => `${size}-${lang}-${dark ? "dark" : "light"}`;

/** Walks through states in each look: `walk(page, see)`, where `see(name)` checks the present state. */
async function everywhere(tools, path, walk, options = {}) {
  for (const look of LOOKS) {
    const page = await tools.open(path, { ...options, ...look });
    const see = (state) => tools.check(page, `box-${state}-${called(look)}`);
    await walk(page, see, look);
    await page.close();
  }
}

const PANEL = "#panel-open ";

async function unlock(page) {
  await page.locator("#tab-open").click();
  await page.locator(`${PANEL}.password input`).fill(PASSPHRASE);
  await page.locator(`${PANEL}button[type=submit]`).click();
  await page.locator(".opened").waitFor();
}

await run({
  async "creating"(tools) {
    await everywhere(tools, "/box", async (page, see) => {
      await page.locator("form .password").waitFor();
      await see("new");
      await page.locator(".options summary").click();
      await page.locator("form").first().locator("button[type=submit]").click();
      await page.locator(".error:visible").waitFor();
      await see("new-wrong");
      await page.locator(".password input").fill(PASSPHRASE);
      await page.getByRole("switch").uncheck();
      await page.locator("form").first().locator("button[type=submit]").click();
      await page.locator(".fingerprint").waitFor({ state: "attached", timeout: 60_000 });
      await see("made-by-server");
    });
    await everywhere(tools, "/box", async (page, see) => {
      await page.locator(".password input").fill(PASSPHRASE);
      await page.locator("form").first().locator("button[type=submit]").click();
      await page.locator(".fingerprint").waitFor({ state: "attached", timeout: 60_000 });
      await page.locator("button.primary").first().click();
      for (const summary of await page.locator("summary").all()) await summary.click();
      await page.locator("svg.qr").waitFor();
      await see("made-here");
    });
    await everywhere(tools, "/box", (page, see) => see("new-account"), { server: "account" });
  },

  async "boxes are off"(tools) {
    // Any other page first: the route must exist before this one.
    await everywhere(tools, "/nothing", async (page, see) => {
      await page.route("**/box", async (route) => {
        const response = await route.fetch();
        const body = (await response.text()).replace('"boxes":"open"', '"boxes":"off"');
        await route.fulfill({ response, body });
      });
      await page.goto(`${servers.open.url}/box`);
      await page.locator("form").waitFor();
      await see("off");
    }, { allow: [/404/] });
  },

  async "sending"(tools) {
    const { token } = await quickBox();
    const path = `/box/${token}`;
    await everywhere(tools, path, async (page, see) => {
      await page.locator(".fingerprint").waitFor({ state: "attached" });
      await see("send");
      await page.locator("#panel-send button[type=submit]").click();
      await page.locator("#message-error").waitFor();
      await see("send-nothing");
      await page.locator("#message").fill("ett två tre");
      await page.locator("input[type=file]").first().setInputFiles([
        { name: `${"mycket-långt-namn-".repeat(8)}.tar.gz`, mimeType: "", buffer: randomBytes(200_000) },
        { name: "b.txt", mimeType: "text/plain", buffer: Buffer.from("b") },
      ]);
      await page.route("**/Service", (route) => route.abort());
      await page.locator("#panel-send button[type=submit]").click();
      await page.locator("#panel-send .notice.bad").waitFor();
      await see("send-failed");
      await page.unroute("**/Service");
      // A request that never ends.
      await page.route("**/Service", () => {});
      await page.locator("#panel-send button[type=submit]").click();
      await page.locator("progress").waitFor();
      await see("send-progress");
      await page.locator(".progress button").click();
      await page.locator("#panel-send .notice.info").waitFor();
      await page.unroute("**/Service");
      await page.locator("#panel-send button[type=submit]").click();
      await page.locator(".sent").waitFor();
      await see("sent");
    }, { allow: [/ERR_FAILED/] });
    const { token: locked } = await quickBox("open", { lockdate: "2026-11-01" });
    await everywhere(tools, `/box/${locked}`, async (page, see) => {
      await page.locator("#panel-send .notice").waitFor();
      await see("locked");
    });
    const none = "0123456789abcdefghijABCDEFGHIJx";
    await everywhere(tools, `/box/${none}`, async (page, see) => {
      await page.locator(".card a.button").waitFor();
      await see("none");
    }, { allow: [/400/] });
  },

  async "opening"(tools) {
    const all = { deletemessagesafterreading: "true", deletekeyafterreading: "true" };
    const terms = { ...all, releasedate: "2036-11-22" };
    const { token: strict } = await quickBox("open", terms);
    await everywhere(tools, `/box/${strict}`, async (page, see) => {
      await page.locator("#tab-open").click();
      await page.locator(`${PANEL}.notice`).first().waitFor();
      await page.locator(`${PANEL}[value=key]`).check();
      await page.locator(`${PANEL}summary`).click();
      await page.locator(`${PANEL}button[type=submit]`).click();
      await page.locator(`${PANEL}.error:visible`).first().waitFor();
      await see("open-key");
      await page.locator(`${PANEL}[value=passphrase]`).check();
      await page.locator(`${PANEL}.password input`).fill(PASSPHRASE);
      await page.locator(`${PANEL}button[type=submit]`).click();
      await page.locator(`${PANEL}.notice.bad`).waitFor();
      await see("open-failed");
    }, { allow: [/400/] });

    const { token } = await quickBox("open", {});
    await everywhere(tools, `/box/${token}`, async (page, see) => {
      await unlock(page);
      await see("empty");
    });
    await quickSend(token, { text: "Kort text" });
    await quickSend(token, { text: `${"ettlångtordutanmellanrum".repeat(20)}\n${"rad\n".repeat(40)}` });
    const name = `${"långt namn ".repeat(15)}.pdf`;
    await quickSend(token, { file: { name, bytes: randomBytes(123_456) } });
    const foreign = new URLSearchParams({ encryptedmessage: "other", encryptionkey: "any" });
    await fetch(`${servers.open.url}/Service`, { method: "PUT", headers: { token }, body: foreign });
    await everywhere(tools, `/box/${token}`, async (page, see) => {
      await unlock(page);
      await see("list");
      for (const button of await page.locator(".message button[aria-expanded]").all()) await button.click();
      for (const summary of await page.locator(".message summary").all()) await summary.click();
      await see("list-open");
      await page.locator(".opened button.danger").click();
      await page.locator("dialog").waitFor();
      await see("delete");
    });
    for (const look of LOOKS) {
      const { token } = await quickBox("open", { deletekeyafterreading: "true" });
      await quickSend(token, { text: "once" });
      const page = await tools.open(`/box/${token}`, { ...look, allow: [/400/] });
      await unlock(page);
      const see = (state) => tools.check(page, `box-${state}-${called(look)}`);
      await see("list-deleted");
      await page.locator(".opened button.danger").click();
      await page.locator("dialog button.danger").click();
      await page.locator(".opened a.button").waitFor();
      await see("deleted");
      await page.close();
    }
  },
});
