// Texts shown as Markdown and as code: what becomes an element, what hostile ones can do, and what they cost.
import assert from "node:assert/strict";
import { run } from "./harness.mjs";
import { makeSecret, openSecret, readSecret } from "./view_secrets.mjs";
import { inert, PAYLOADS } from "./xss.mjs";

const MARKDOWN = `# Access to the staging server

Log in as **deploy**, see [the handbook](https://example.org/handbook?q=1).

1. \`ssh deploy@staging.example.org\`
2. Type the passphrase

> It changes *every* Monday.

| service | port |
|---|---|
| web | 8443 |

\`\`\`
export TOKEN="s3cret"
\`\`\`

- [x] tested
- [ ] <b>not bold</b>, ![a picture](https://elsewhere.example/pixel.png)
`;
const CODE = `{
  "user": "deploy",
  "port": 8443,
  "tls": true
}`;
const FORMS = { Markdown: "Markdown", Code: /^(Code|Kod)$/, Plain: /^(Plain text|Ren text)$/ };

async function showAs(page, form) {
  await page.getByRole("group", { name: /^(Show as|Visa som)$/ }).getByRole("button", { name: FORMS[form] }).click();
}

/** The names of all elements in what is shown. */
function tags(page) {
  return page.locator(".as-markdown, .as-code").evaluate((node) =>
    [...new Set([...node.querySelectorAll("*")].map(({ localName }) => localName))].sort());
}

await run({
  async "a secret as Markdown"(tools) {
    const secret = await makeSecret({ text: MARKDOWN, max_views: 9 });
    await tools.everyLook("view-markdown", secret.path, async (page) => {
      await openSecret(page);
      await readSecret(page);
      await showAs(page, "Markdown");
      await page.locator(".as-markdown h2").waitFor();
    });
    const page = await tools.open(secret.path);
    const loaded = [];
    page.on("request", (request) => loaded.push(request.url()));
    await openSecret(page);
    assert.equal(await readSecret(page), MARKDOWN);
    assert.ok(!loaded.some((url) => /vendor|rendering/.test(url)), "loaded before it is asked for");
    await showAs(page, "Markdown");
    await page.locator(".as-markdown h2", { hasText: "Access to the staging server" }).waitFor();
    assert.deepEqual(await tags(page), ["a", "bdi", "blockquote", "code", "em", "h2", "li", "ol", "p", "pre", "strong", "table",
      "tbody", "td", "th", "thead", "tr", "ul"]);
    const links = await page.locator(".as-markdown a").evaluateAll((all) =>
      all.map(({ href, rel, target, textContent }) => [textContent, href, rel, target]));
    assert.deepEqual(links, [
      ["the handbook", "https://example.org/handbook?q=1", "noreferrer noopener", "_blank"],
      ["a picture", "https://elsewhere.example/pixel.png", "noreferrer noopener", "_blank"],
    ]);
    const text = await page.locator(".as-markdown").innerText();
    for (const part of ["the handbook (https://example.org/handbook?q=1)", "<b>not bold</b>", "☑ tested", "☐ "]) assert.ok(text.includes(part), text);
    assert.ok(!loaded.some((url) => url.includes("elsewhere")), `${loaded}`);
    await showAs(page, "Plain");
    assert.equal(await page.locator(".secret pre").textContent(), MARKDOWN);
    // What is hidden is gone, also in the other form, and comes back plainly.
    await showAs(page, "Markdown");
    await page.locator(".as-markdown h2").waitFor();
    await page.getByRole("button", { name: "Hide", exact: true }).click();
    assert.ok(!(await page.locator("body").innerText()).includes("staging"));
    assert.equal(await page.getByRole("group", { name: "Show as" }).count(), 0);
    assert.equal(await readSecret(page), MARKDOWN);
  },

  async "a secret as code"(tools) {
    const secret = await makeSecret({ text: CODE, max_views: 9 });
    await tools.everyLook("view-code", secret.path, async (page) => {
      await openSecret(page);
      await readSecret(page);
      await showAs(page, "Code");
      await page.locator(".as-code .code-attr").first().waitFor();
    });
    const page = await tools.open(secret.path, { forcedColors: "active" });
    await openSecret(page);
    await readSecret(page);
    await showAs(page, "Code");
    await page.locator(".as-code .code-attr").first().waitFor();
    assert.equal(await page.locator(".as-code").textContent(), CODE);
    assert.deepEqual(await tags(page), ["code", "span"]);
    await tools.check(page, "view-code-forced-colors");
  },

  async "hostile texts stay inert in each form"(tools) {
    const context = await tools.context();
    const page = await tools.open("/robots.txt", { context });
    const hostile = [...PAYLOADS, ...PAYLOADS.map((payload) => `[${payload}](javascript:alert(1))`),
      "[x](javascript:alert(1))", "[x](data:text/html,<script>alert(1)</script>)", "![x](http://127.0.0.1:1/pixel)",
      "<img src=http://127.0.0.1:1/pixel>", "<iframe src=http://127.0.0.1:1/frame></iframe>"].join("\n\n");
    const text = hostile.slice(0, 60_000);
    const secret = await makeSecret({ text });
    await page.goto(secret.url);
    const title = await page.title();
    await openSecret(page);
    await readSecret(page);
    for (const form of ["Markdown", "Code"]) {
      await showAs(page, form);
      await page.locator(form === "Code" ? ".as-code" : ".as-markdown").waitFor();
      await inert(page);
      const found = await tags(page);
      for (const never of ["img", "script", "iframe", "svg", "style", "link", "object", "embed", "form", "input", "base", "meta"]) {
        assert.ok(!found.includes(never), `${form}: ${never}`);
      }
      const targets = await page.locator(":is(.as-markdown, .as-code) a").evaluateAll((all) => all.map((link) => link.protocol));
      assert.ok(targets.every((protocol) => ["http:", "https:", "mailto:"].includes(protocol)), `${targets}`);
      assert.equal(await page.title(), title);
      await showAs(page, "Plain");
      assert.equal(await page.locator(".secret pre").textContent(), text);
    }
  },

  async "a text that cannot be shown so, and one that is too long"(tools) {
    const failed = "This text cannot be shown like that.";
    // Nested more deeply than anything that people write.
    const deep = "> ".repeat(30_000);
    const secret = await makeSecret({ text: deep });
    const page = await tools.open(secret.path);
    await openSecret(page);
    await readSecret(page);
    await showAs(page, "Markdown");
    await page.getByText(failed).waitFor({ timeout: 30_000 });
    assert.equal(await page.locator(".secret pre").textContent(), deep);
    assert.equal(await page.getByRole("button", { name: "Plain text" }).getAttribute("aria-pressed"), "true");
    await tools.check(page, "view-text-failed");

    // The library needs minutes for this one.
    const endless = await makeSecret({ text: "*a_".repeat(21_845) });
    const other = await tools.open(endless.path);
    await openSecret(other);
    await readSecret(other);
    await showAs(other, "Markdown");
    // The page goes on meanwhile.
    await other.getByRole("button", { name: "Hide", exact: true }).click();
    await readSecret(other);
    await showAs(other, "Markdown");
    await other.getByText(failed).waitFor({ timeout: 30_000 });
    await showAs(other, "Code");
    await other.locator(".as-code").waitFor();

    const long = await makeSecret({ text: "a".repeat(64 * 1024 + 1) });
    const third = await tools.open(long.path);
    await openSecret(third);
    await readSecret(third);
    assert.equal(await third.getByRole("group", { name: "Show as" }).count(), 0);
  },

  async "files before they are sent"(tools) {
    const page = await tools.open("/");
    await page.locator("input[type=file]").first().setInputFiles([
      { name: "notes.md", mimeType: "text/markdown", buffer: Buffer.from(MARKDOWN) },
      { name: "settings.json", mimeType: "application/json", buffer: Buffer.from(CODE) },
    ]);
    await page.getByRole("button", { name: "Show notes.md" }).click();
    await showAs(page, "Markdown");
    await page.locator(".as-markdown h2").waitFor();
    await page.getByRole("button", { name: "Hide notes.md" }).click();
    await page.getByRole("button", { name: "Show settings.json" }).click();
    await showAs(page, "Code");
    await page.locator(".as-code .code-attr").first().waitFor();
    await tools.check(page, "create-code");
  },
});
