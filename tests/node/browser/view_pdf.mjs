// PDFs in the page, by the viewer of the browser: what hostile ones reach, and what is no PDF. Runs in the
// whole Chromium and in Firefox, which differ in what a frame with a viewer may be.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { isFirefox, run } from "./harness.mjs";
import { hostilePdfs, makePdf } from "./pdf.mjs";
import { makeSecret, openSecret } from "./view_secrets.mjs";

/** What the viewer of Firefox says in the console. It has the policy of the page, which refuses some of its markup. */
const VIEWER = isFirefox ? [/^Warning: /, /PDF\.js/, /PDF [0-9a-f]+ \[/, /blocked assigning to an injection sink/] : [];
const FRAME = ".preview iframe";

const attached = (files) => Object.entries(files)
  .map(([name, data]) => ({ name, type: "application/pdf", data: new Uint8Array(data) }));

/** Waits until the viewer has shown something: pictures of the frame no longer change, and have more than one colour. */
async function drawn(page) {
  const frame = page.locator(FRAME);
  await frame.scrollIntoViewIfNeeded();
  let before = "";
  for (let same = 0; same < 3;) {
    const picture = (await frame.screenshot()).toString("base64");
    same = picture === before ? same + 1 : 0;
    before = picture;
  }
}

await run({
  async "a PDF before it is sent and after it was opened"(tools) {
    const page = await tools.open("/", { allow: VIEWER });
    const files = [
      { name: "letter.pdf", mimeType: "application/pdf", buffer: makePdf({ words: "Dear reader" }) },
      { name: "large.pdf", mimeType: "application/pdf", buffer: Buffer.concat([makePdf(), Buffer.alloc(25 * 1024 * 1024)]) },
    ];
    await page.locator("input[type=file]").first().setInputFiles(files);
    await page.getByRole("button", { name: "Remove large.pdf" }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Show large.pdf" }).count(), 0);
    assert.equal(await page.locator(FRAME).count(), 0, "only on demand");
    await page.getByRole("button", { name: "Show letter.pdf" }).click();
    await drawn(page);
    await tools.shot(page, `create-pdf${isFirefox ? "-firefox" : ""}`);
    await page.getByRole("button", { name: "Hide letter.pdf" }).click();
    assert.equal(await page.locator(FRAME).count(), 0);

    const secret = await makeSecret({ text: "", attachments: attached({ "letter.pdf": files[0].buffer }), max_views: 9 });
    for (const [size, dark] of [["desktop", false], ["phone", true]]) {
      const context = await tools.context({ size, dark });
      await context.addInitScript(() => {
        const own = URL.revokeObjectURL;
        window.revoked = [];
        URL.revokeObjectURL = (url) => {
          window.revoked.push(url);
          own.call(URL, url);
        };
      });
      const viewer = await tools.open(secret.path, { context, allow: VIEWER });
      await openSecret(viewer);
      await viewer.getByRole("button", { name: "Show letter.pdf" }).click();
      await viewer.getByText("Links in a PDF can lead anywhere").waitFor();
      await drawn(viewer);
      await tools.shot(viewer, `view-pdf-${size}-${dark ? "dark" : "light"}${isFirefox ? "-firefox" : ""}`);
      const { title, src, sandbox } = await viewer.locator(FRAME).evaluate((frame) => ({
        title: frame.title, src: frame.src, sandbox: frame.getAttribute("sandbox"),
      }));
      assert.equal(title, "PDF: letter.pdf");
      assert.ok(src.startsWith("blob:"), src);
      assert.equal(sandbox, isFirefox ? "allow-scripts" : null);
      await viewer.getByRole("button", { name: "Hide letter.pdf" }).click();
      // The content is released with it.
      assert.deepEqual(await viewer.evaluate(() => window.revoked), [src.replace(/#.*/, "")]);
    }
  },

  async "hostile PDFs reach nothing"(tools) {
    const asked = [];
    const elsewhere = createServer((incoming, outgoing) => {
      asked.push(incoming.url);
      outgoing.end();
    });
    await new Promise((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
    const files = hostilePdfs(`http://127.0.0.1:${elsewhere.address().port}`);
    const secret = await makeSecret({ text: "planted", attachments: attached(files) });
    const page = await tools.open(secret.path, { allow: VIEWER });
    const dialogs = [];
    page.on("dialog", (dialog) => {
      dialogs.push(dialog.message());
      return dialog.dismiss();
    });
    const others = [];
    page.context().on("page", (other) => others.push(other.url()));
    await openSecret(page);
    const [title, address] = [await page.title(), page.url()];
    for (const name of Object.keys(files)) {
      await page.getByRole("button", { name: `Show ${name}` }).click();
      await drawn(page);
      if (isFirefox) {
        // The whole page of the PDF is a link.
        await page.locator(FRAME).click();
        await drawn(page);
      }
      assert.deepEqual([await page.title(), page.url()], [title, address], name);
      await page.getByRole("button", { name: `Hide ${name}` }).click();
    }
    // In Chromium its script runs in the viewer, which shows its dialog and refuses the rest.
    assert.deepEqual(dialogs, isFirefox ? [] : ["run"]);
    assert.deepEqual([asked, others], [[], []]);
    elsewhere.close();
  },

  async "what is no PDF, and browsers without a viewer"(tools) {
    const html = "<!DOCTYPE html><script>top.document.title = 'run'</script><img src=x onerror=\"top.document.title = 'run'\">";
    const files = {
      "page.pdf": Buffer.from(html),
      // A viewer takes it for a PDF, and no browser for a page.
      "both.pdf": Buffer.concat([Buffer.from(`${html}\n`), makePdf()]),
      "cut.pdf": makePdf().subarray(0, 200),
    };
    const secret = await makeSecret({ text: "planted", attachments: attached(files), max_views: 2 });
    const page = await tools.open(secret.path, { allow: [...VIEWER, ...(isFirefox ? [/Invalid|corrupted|^uncaught exception: Object/] : [])] });
    await openSecret(page);
    const title = await page.title();
    await page.getByRole("button", { name: "Show page.pdf" }).click();
    await page.getByText("This is not a PDF, or it is damaged.").waitFor();
    assert.equal(await page.locator(FRAME).count(), 0);
    for (const name of ["both.pdf", "cut.pdf"]) {
      await page.getByRole("button", { name: `Show ${name}` }).click();
      await drawn(page);
      await tools.shot(page, `view-pdf-${name.replace(".pdf", "")}${isFirefox ? "-firefox" : ""}`);
      assert.equal(await page.title(), title);
      await page.getByRole("button", { name: `Hide ${name}` }).click();
    }
    if (isFirefox) return;
    const context = await tools.context();
    await context.addInitScript(() => Object.defineProperty(Navigator.prototype, "pdfViewerEnabled", { get: () => false }));
    const without = await tools.open(secret.path, { context });
    await openSecret(without);
    await without.getByRole("button", { name: "Show both.pdf" }).click();
    await without.getByText("Your browser cannot show PDFs on this page.").waitFor();
    assert.equal(await without.locator(FRAME).count(), 0);
    await tools.check(without, "view-pdf-no-viewer");
  },
}, { isWhole: true });
