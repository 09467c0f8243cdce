// Boxes: created, filled, opened and deleted, online and offline, in different browsers.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeBox, opened, PASSPHRASE, quickBox, quickSend, saved, send, texts, wire } from "./box_tools.mjs";
import { run, servers } from "./harness.mjs";

const RECIPES = fileURLToPath(new URL("../../../docs/recipes/", import.meta.url));
const PYTHON = process.env.SEALDROP_PYTHON || "python3";
const FILE = { name: "bild på våren.png", mimeType: "image/png", buffer: randomBytes(5_000_000) };
const TEXT = "Hemligt: <b>åäö</b>\n\tand a second line 🔑";

await run({
  async "a box of which the server knows nothing"(tools) {
    const line = await wire();
    tools.ports.add(line.port);
    const owner = await tools.open(`${line.url}/box`);
    const box = await makeBox(owner);
    const print = await owner.locator(".fingerprint").textContent();
    assert.match(print, /^([0-9a-f]{4} ){7}[0-9a-f]{4}$/);

    // openssl opens the key file.
    const folder = mkdtempSync(join(tmpdir(), "box-"));
    const file = join(folder, "key.pem");
    writeFileSync(file, box.pem);
    const key = execFileSync("openssl", ["pkey", "-in", file, "-passin", `pass:${PASSPHRASE}`, "-pubout"]);
    const shown = await fetch(`${servers.open.url}/Service/${box.token}/publickey`);
    assert.equal(key.toString(), await shown.text());
    rmSync(folder, { recursive: true });

    const sender = await tools.open(box.link);
    assert.equal(await sender.locator(".fingerprint").textContent(), print);
    await send(sender, { text: TEXT, files: [FILE] });

    await owner.goto(box.link);
    await opened(owner, { pem: box.pem });
    assert.equal(await owner.locator(".shown-text").first().textContent(), "");
    assert.deepEqual(await texts(owner), [TEXT]);
    const got = await saved(owner, FILE.name);
    assert.ok(got.bytes.equals(FILE.buffer));
    assert.equal(got.name, FILE.name);

    const heard = line.heard();
    for (const secret of [PASSPHRASE, TEXT.slice(0, 20), FILE.name, "PRIVATE KEY", box.pem.split("\n")[3]]) {
      assert.ok(!heard.includes(secret), secret);
      assert.ok(!heard.includes(encodeURIComponent(secret)), secret);
      assert.ok(!heard.includes(String(new URLSearchParams({ "": secret })).slice(1)), secret);
    }
    assert.ok(!heard.includes(FILE.buffer.subarray(1_000_000, 1_000_032)));
    line.close();
  },

  async "a box that the server opens"(tools) {
    const page = await tools.open("/box");
    const box = await makeBox(page, { here: false });
    await page.getByRole("link", { name: "Go to the box" }).click();
    const empty = { name: "tom.txt", mimeType: "text/plain", buffer: Buffer.alloc(0) };
    await send(page, { text: TEXT, files: [FILE, empty], here: false });
    await page.getByRole("button", { name: "Send something else" }).click();
    await send(page, { text: "sealed here", files: [{ ...FILE, name: "two.png" }] });
    await opened(page, {});
    assert.deepEqual(await texts(page), [TEXT, "sealed here"]);
    for (const name of [FILE.name, "two.png"]) assert.ok((await saved(page, name)).bytes.equals(FILE.buffer));
    assert.equal((await saved(page, "tom.txt")).bytes.length, 0);

    // A ticket is valid for two minutes only: the page gets another one by itself.
    await page.clock.install();
    await page.clock.fastForward(200_000);
    assert.ok((await saved(page, FILE.name)).bytes.equals(FILE.buffer));

    // The same with the key file: the server opens nothing.
    await page.getByRole("button", { name: "Close the box" }).click();
    await opened(page, { pem: box.pem });
    assert.deepEqual(await texts(page), [TEXT, "sealed here"]);
    for (const name of [FILE.name, "two.png"]) assert.ok((await saved(page, name)).bytes.equals(FILE.buffer));

    await page.getByRole("button", { name: "Delete this box" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Delete this box" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByRole("heading", { name: "The box is deleted" }).waitFor();
    const gone = await tools.open(`/box/${box.token}`, { allow: [/400/] });
    await gone.getByRole("heading", { name: "This box does not exist" }).waitFor();
  },

  async "the recipes and the page read each other"(tools) {
    if (spawnSync(PYTHON, ["-c", "import cryptography"]).status !== 0) return;
    const page = await tools.open("/box");
    const box = await makeBox(page);
    const folder = mkdtempSync(join(tmpdir(), "box-"));
    writeFileSync(join(folder, "från python.bin"), FILE.buffer);
    writeFileSync(join(folder, "key.pem"), box.pem);
    const recipe = (name, ...more) => [`${RECIPES}${name}`, servers.open.url, box.token, ...more];
    execFileSync(PYTHON, recipe("box_send.py", join(folder, "från python.bin")), { input: TEXT });
    await page.goto(box.link);
    await send(page, { text: "from the page", files: [FILE] });
    await opened(page, { pem: box.pem });
    assert.deepEqual(await texts(page), [TEXT, "from the page"]);
    assert.ok((await saved(page, "från python.bin")).bytes.equals(FILE.buffer));
    const read = execFileSync(PYTHON, recipe("box_read.py", join(folder, "key.pem"), folder), {
      env: { ...process.env, PASSPHRASE },
    });
    assert.equal(read.toString(), `${TEXT}\nfrom the page\n`);
    assert.ok(readFileSync(join(folder, FILE.name)).equals(FILE.buffer));
    rmSync(folder, { recursive: true });
  },

  async "a box with account only"(tools) {
    const page = await tools.open("/box", { server: "account", allow: [/400/] });
    await page.getByLabel("Passphrase", { exact: true }).fill("a passphrase of mine");
    await page.getByRole("button", { name: "Create box" }).click();
    await page.getByText("Enter your private key.").waitFor();
    await page.getByLabel("Private key of your account").fill("private_key_wrong");
    await page.getByRole("button", { name: "Create box" }).click();
    await page.getByText("does not know that private key").waitFor();
    await page.getByLabel("Private key of your account").fill(servers.account.key);
    await makeBox(page, {});
    assert.equal(await page.evaluate(() => sessionStorage.getItem("key")), servers.account.key);
    await page.goto(`${servers.account.url}/box`);
    await page.getByLabel("Passphrase", { exact: true }).waitFor();
    assert.ok(!await page.getByLabel("Private key of your account").isVisible());
  },

  async "the link of the original leads to the box"(tools) {
    const { token } = await quickBox();
    const page = await tools.open(`/#${token}`);
    await page.waitForURL(`${servers.open.url}/box/${token}`);
    await page.goto(`${servers.open.url}/box`);
    await page.getByLabel("Box link or token").fill("nothing");
    await page.getByRole("button", { name: "Go to the box" }).click();
    await page.getByText("This contains no token").waitFor();
    await page.getByLabel("Box link or token").fill(` ${servers.open.url}/#${token} `);
    await page.keyboard.press("Enter");
    await page.waitForURL(`${servers.open.url}/box/${token}`);
  },

  async "many messages come page by page"(tools) {
    const { token } = await quickBox();
    for (let number = 1; number <= 45; number += 1) await quickSend(token, { text: `number ${number}` });
    const page = await tools.open(`/box/${token}`);
    await opened(page, {});
    for (const count of [20, 40]) {
      assert.equal(await page.locator(".message").count(), count);
      await page.getByRole("button", { name: "Show more" }).click();
      await page.getByText(`${Math.min(45, count + 20)} messages`).waitFor();
    }
    assert.equal(await page.getByRole("button", { name: "Show more" }).count(), 0);
    const all = await texts(page);
    assert.deepEqual(all, Array.from({ length: 45 }, (_, at) => `number ${at + 1}`));
  },

  async "with the keyboard alone"(tools) {
    const page = await tools.open("/box");
    const to = async (name, limit = 40) => {
      for (let step = 0; step < limit; step += 1) {
        await page.keyboard.press("Tab");
        const text = await page.evaluate(() => {
          const { activeElement: element } = document;
          return element?.labels?.[0]?.textContent || element?.textContent;
        });
        if (text?.trim() === name) return;
      }
      throw new Error(`no way to ${name}`);
    };
    await to("Passphrase");
    await page.keyboard.type("gåsmamman simmar");
    await to("Create box");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Your box is ready" }).waitFor({ timeout: 60_000 });
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Your box is ready");
    await to("Save key file");
    const [download] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Enter")]);
    const path = await download.path();
    await to("Go to the box");
    await page.keyboard.press("Enter");
    await page.getByRole("tab", { name: "Send" }).waitFor();
    await to("Message");
    await page.keyboard.type("typed");
    await to("Send");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Delivered to the box" }).waitFor();
    await page.getByRole("tab", { name: "Send" }).focus();
    await page.keyboard.press("ArrowRight");
    await to("With the passphrase", 3).catch(() => {});
    await page.keyboard.press("ArrowRight");
    await page.getByLabel("Key file", { exact: true }).setInputFiles(path);
    await to("Passphrase");
    await page.keyboard.type("gåsmamman simmar");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "In the box" }).waitFor({ timeout: 60_000 });
    await to("Show");
    await page.keyboard.press("Enter");
    assert.equal(await page.locator(".shown-text").textContent(), "typed");
  },
});
