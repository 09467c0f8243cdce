// The pages and the command line open what the other one has sealed.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { advance, run, servers } from "./harness.mjs";
import { makeBox, opened, PASSPHRASE, saved, send, texts } from "./box_tools.mjs";
import { openSecret, readSecret } from "./view_secrets.mjs";

const { open } = servers;
const SEALDROP = process.env.SEALDROP_PROGRAM;
const dir = mkdtempSync(join(tmpdir(), "sealdrop-"));
process.on("exit", () => rmSync(dir, { recursive: true, force: true }));

const exec = promisify(execFile);
const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");
const linkOf = async (page) => {
  await page.waitForSelector(".link-panel");
  return page.locator(".link-line input").inputValue();
};

/** Runs the command line on the server `open`; `input` is its standard input. */
async function sealdrop(args, { input = "", key } = {}) {
  const env = { PATH: process.env.PATH, HOME: dir, SEALDROP_SERVER: open.url, ...(key && { SEALDROP_KEY: key }) };
  const running = exec(SEALDROP, args, { cwd: dir, env });
  // A program that needs no input may have ended before it arrives.
  running.child.stdin.on("error", () => {});
  running.child.stdin.end(input);
  return running;
}

function file(name, bytes) {
  writeFileSync(join(dir, name), bytes);
  return name;
}

await run({
  async "what the page sends, the command line opens"(tools) {
    await advance("open", 3601);
    const page = await tools.open("/");
    const large = randomBytes(2 * 1024 * 1024 + 17);
    await page.locator("textarea").first().fill("Räksmörgås\n{not packed}");
    await page.locator("input[type=file]").setInputFiles([
      { name: "large.bin", mimeType: "application/octet-stream", buffer: large },
      { name: "../small.txt", mimeType: "text/plain", buffer: Buffer.from("small") },
    ]);
    await page.locator("button[type=submit]").click();
    const { stdout } = await sealdrop(["open", await linkOf(page), "--json"]);
    const { text, files } = JSON.parse(stdout);
    assert.equal(text, "Räksmörgås\n{not packed}");
    assert.equal(files.length, 2);
    assert.equal(hash(readFileSync(join(dir, files[0]))), hash(large));
    assert.equal(readFileSync(join(dir, files[1]), "utf8"), "small");
  },

  async "what the command line sends, the page opens"(tools) {
    await advance("open", 3601);
    const large = randomBytes(3 * 1024 * 1024 + 1);
    file("password", "öppna dig\n");
    const args = ["send", file("film.bin", large), "-t", "with a film", "--message", "for you", "--password-file",
      "password", "--captcha"];
    const { stdout } = await sealdrop(args);
    // A missing password is a 403, which the browser reports in its console.
    const page = await tools.open(stdout.trim(), { allow: [/403/] });
    await page.getByLabel("Password", { exact: true }).fill("öppna dig");
    await openSecret(page);
    assert.equal(await readSecret(page), "with a film");
    await page.getByText("for you").waitFor();
    const [download] = await Promise.all([
      page.waitForEvent("download"), page.getByRole("button", { name: "Save film.bin" }).click(),
    ]);
    assert.equal(hash(readFileSync(await download.path())), hash(large));
  },

  async "a request of the command line, answered in the page"(tools) {
    await advance("open", 3601);
    for (const key of [open.key, undefined]) {
      const asked = await sealdrop(["request", "create", "--message", "the code", "--sealed", "--json"], { key });
      const { link, status_link: status } = JSON.parse(asked.stdout);
      const page = await tools.open(link);
      await page.getByText("the code").waitFor();
      await page.locator("textarea").first().fill("4711");
      await page.locator("button[type=submit]").click();
      await page.getByRole("heading", { name: "Sent" }).waitFor();
      const told = await sealdrop(["request", "status", status, "--json"], { key });
      const { stdout } = await sealdrop(["open", JSON.parse(told.stdout).link]);
      assert.equal(stdout, "4711");
    }
  },

  async "a request of the page, answered by the command line"(tools) {
    await advance("open", 3601);
    const page = await tools.open("/ask");
    await page.locator("button[type=submit]").click();
    await page.waitForSelector(".asked-link");
    const [link, status] =
      await page.locator(".link-line input").evaluateAll((lines) => lines.map(({ value }) => value));
    const { stdout } = await sealdrop(["answer", link, "-t", "from a script"]);
    assert.equal(stdout, "");
    const owner = await tools.open(status);
    const [opened] = await Promise.all([owner.waitForEvent("popup"), owner.locator(".answers a").click()]);
    await openSecret(opened);
    assert.equal(await readSecret(opened), "from a script");
  },

  async "a reply from one to the other"(tools) {
    await advance("open", 3601);
    const made = JSON.parse((await sealdrop(["send", "-t", "which one?", "--allow-reply", "--json"])).stdout);
    const page = await tools.open(made.link);
    await openSecret(page);
    assert.equal(await readSecret(page), "which one?");
    await page.locator(".reply button").click();
    await page.locator(".reply textarea").fill("the second");
    await page.locator(".reply button[type=submit]").click();
    await page.locator(".reply textarea").waitFor({ state: "detached" });
    const { reply } = JSON.parse((await sealdrop(["status", made.status_link, "--json"])).stdout);
    assert.equal((await sealdrop(["open", reply.link])).stdout, "the second");
  },

  async "a box of the page, filled and read by the command line"(tools) {
    const page = await tools.open("/box");
    const { link, token, pem } = await makeBox(page);
    file("box.pem", pem);
    file("passphrase", `${PASSPHRASE}\n`);
    const large = randomBytes(300_000);
    await sealdrop(["box", "send", link, file("räk.bin", large), "-t", "to the page"]);
    await page.goto(link);
    await opened(page, { pem });
    assert.deepEqual(await texts(page), ["to the page"]);
    assert.equal(hash((await saved(page, "räk.bin")).bytes), hash(large));
    const { stdout } = await sealdrop(["box", "read", token, "--private-key", "box.pem", "--passphrase-file", "passphrase"]);
    assert.equal(stdout, "to the page\n");
    assert.equal(hash(readFileSync(join(dir, "räk (2).bin"))), hash(large));
  },

  async "a box of the command line, filled and read by the page"(tools) {
    file("passphrase", `${PASSPHRASE}\n`);
    const args = ["box", "create", "--private-key", "own.pem", "--passphrase-file", "passphrase", "--bits", "2048"];
    const link = (await sealdrop(args)).stdout.trim();
    const page = await tools.open(link);
    const large = randomBytes(200_000);
    await send(page, {
      text: "to the command line", files: [{ name: "a b.bin", mimeType: "application/octet-stream", buffer: large }],
    });
    const read = ["box", "read", link, "--private-key", "own.pem", "--passphrase-file", "passphrase", "--json"];
    const [text, sent] = (await sealdrop(read)).stdout.trim().split("\n").map((line) => JSON.parse(line));
    assert.equal(text.text, "to the command line");
    assert.equal(hash(readFileSync(join(dir, sent.path))), hash(large));
    await page.goto(link);
    await opened(page, { pem: readFileSync(join(dir, "own.pem"), "utf8") });
    assert.deepEqual(await texts(page), ["to the command line"]);
  },

  async "halves that come apart, and a secret that asks for work"(tools) {
    await advance("open", 3601);
    const { stdout } = await sealdrop(["send", "--split", "--captcha"], { input: "in two parts" });
    const [link, key] = stdout.trim().split("\n");
    assert.ok(!link.includes("#"));
    const viewed = await sealdrop(["open", `${link}#${key}`]);
    assert.equal(viewed.stdout, "in two parts");
    const page = await tools.open(link);
    await page.getByText(/key|whole link/i).first().waitFor();
  },
});
