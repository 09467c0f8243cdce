// The look of the pages apart from their texts: lines, frames, sizes, dates and clocks.
import assert from "node:assert/strict";
import { ALLOW, filled, pages } from "./all_pages.mjs";
import { quickBox } from "./box_tools.mjs";
import { advance, run, servers } from "./harness.mjs";
import { makeSecret as make } from "./secrets.mjs";
import { enter } from "./signed_in.mjs";
import { call, heading, makeSecret, openSecret } from "./view_secrets.mjs";

const { account, open } = servers;
const HOUR = 3600;
const NARROW = { width: 320, height: 640 };
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

await run({
  async "a narrow window"(tools) {
    for (const path of await pages()) {
      const page = await tools.open(path, { viewport: NARROW, ...ALLOW });
      await page.waitForSelector("h1");
      for (const summary of await page.locator("main details > summary").all()) {
        if (path !== "/docs" && await summary.isVisible()) await summary.click();
      }
      const tags = await page.locator("#language option").evaluateAll((options) => options.map(({ value }) => value));
      for (const lang of tags) {
        await page.locator("#language").selectOption(lang);
        await page.waitForSelector(`html[lang=${lang}]`);
        const { wide, nav, cut } = await page.evaluate(() => ({
          wide: document.documentElement.scrollWidth,
          nav: [...document.querySelectorAll("header.site nav a:not([hidden])")].map((link) => link.getBoundingClientRect().top),
          // Controls whose text is wider than they are, and what stands out at either side.
          cut: [...document.querySelectorAll("button:not(.skip), .button, label, legend, summary, h1, h2, h3, p, header.site a, select")]
            .filter((node) => node.offsetParent && !node.closest(".hidden"))
            .filter((node) => {
              const { left, right } = node.getBoundingClientRect();
              return left < 0 || right > window.innerWidth || node.matches("button, .button, header.site a") && node.scrollWidth > node.clientWidth + 1;
            }).map((node) => node.outerHTML.slice(0, 200)),
        }));
        assert.ok(wide <= NARROW.width, `${path} ${lang}: ${wide} px`);
        assert.ok(new Set(nav).size <= 1, `${path} ${lang}: the menu is broken into lines at ${nav}`);
        assert.deepEqual(cut, [], `${path} ${lang}`);
        await tools.shot(page, `narrow-${lang}${path.slice(0, 5).replaceAll("/", "-")}`);
      }
      await page.close();
    }
  },

  async "fields of a phone are not zoomed into"(tools) {
    for (const path of await pages()) {
      const page = await tools.open(path, { ...PHONE, ...ALLOW });
      await page.waitForSelector("h1");
      if (path === "/") {
        await page.locator("textarea").first().fill("text");
        await page.locator("button[type=submit]").click();
        await page.waitForSelector(".link-panel");
      }
      for (const summary of await page.locator("details > summary").all()) {
        if (await summary.isVisible()) await summary.click();
        if (path === "/docs") break;
      }
      const small = await page.evaluate(() => [...document.querySelectorAll("input, textarea, select")]
        .filter((control) => Number.parseFloat(getComputedStyle(control).fontSize) < 16)
        .map((control) => control.outerHTML));
      assert.deepEqual(small, [], path);
      await page.close();
    }
  },

  async "fields side by side stand in one line"(tools) {
    const rows = (page) => page.evaluate(() => [...document.querySelectorAll(".row")].filter((row) => row.offsetParent)
      .map((row) => [...row.querySelectorAll("input, select, textarea")].map((control) => control.getBoundingClientRect().top)));
    const box = await tools.open("/box");
    await box.locator(".options summary").click();
    const manage = await tools.open("/manage#requests", { server: "account" });
    await enter(manage, account);
    await manage.locator(".above button").click();
    await manage.locator(".new-request details summary").click();
    for (const each of [box, manage]) {
      const found = await rows(each);
      assert.ok(found.length > 0);
      for (const tops of found) assert.equal(new Set(tops.map(Math.round)).size, 1, `${each.url()}: ${tops}`);
    }
    await tools.shot(box, "rows");
  },

  async "no frame around headlines"(tools) {
    const frame = (page) => page.evaluate(() => {
      const { outlineStyle } = getComputedStyle(document.activeElement);
      return [document.activeElement.tagName, outlineStyle];
    });
    await advance("open", HOUR);
    const page = await tools.open("/");
    await page.locator("textarea").first().fill("text");
    // By the keyboard, because browsers draw focus frames then.
    await page.locator("button[type=submit]").focus();
    await page.keyboard.press("Enter");
    await page.waitForSelector(".link-panel");
    assert.deepEqual(await frame(page), ["H1", "none"]);
    await page.keyboard.press("Tab");
    assert.notEqual((await frame(page))[1], "none", "controls have one");
    const { token } = await quickBox();
    const box = await tools.open(`/box/${token}`);
    await box.locator("#message").fill("text");
    await box.locator("#panel-send button[type=submit]").focus();
    await box.keyboard.press("Enter");
    await box.waitForSelector(".sent");
    assert.deepEqual(await frame(box), ["H2", "none"]);
    await box.locator("#tab-send").focus();
    await box.keyboard.press("ArrowRight");
    assert.notEqual((await frame(box))[1], "none", "tabs have one");
  },

  async "nothing jumps while a page loads"(tools) {
    const context = await tools.context();
    // As over a slow connection.
    await context.route("**/{openapi.json,api/**,Service/**}", async (route) => {
      await new Promise((done) => { setTimeout(done, 300); });
      return route.continue();
    });
    await context.addInitScript(() => {
      window.shifts = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.shifts += entry.value;
      }).observe({ type: "layout-shift", buffered: true });
    });
    for (const path of await pages()) {
      const page = await tools.open(path, { context, ...ALLOW });
      await filled(page);
      await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
      const shifts = await page.evaluate(() => window.shifts);
      assert.ok(shifts < 0.01, `${path}: ${shifts}`);
      await page.close();
    }
  },

  async "sizes"(tools) {
    const page = await tools.open("/");
    assert.match(await page.locator(".file-picker .hint").innerText(), /Up to 100\sMiB each/);
    const cases = [
      [0, "0 bytes"], [1, "1 byte"], [1023, "1,023 bytes"], [1024, "1 KiB"], [1536, "1.5 KiB"],
      [1_048_523, "1,023.9 KiB"], [1_048_525, "1 MiB"], [104_857_600, "100 MiB"], [5 * 2 ** 30, "5 GiB"],
    ];
    const told = (list) => page.evaluate(async (list) => {
      const { bytes, bytesApart, speed } = await import(document.querySelector("script[type=module]").src
        .replace(/[^/]+\/[^/]+$/, "common/page.js"));
      return [...list.map((count) => String(bytes(count))), String(speed(1536)),
        ...bytesApart(104_857_601, 104_857_600).map(String), ...bytesApart(2, 1 << 20).map(String)];
    }, list);
    const plain = (await told(cases.map(([count]) => count))).map((text) => text.replaceAll("\u00a0", " "));
    assert.deepEqual(plain, [...cases.map(([, text]) => text), "1.5 KiB/s",
      "104,857,601 bytes", "104,857,600 bytes", "2 bytes", "1 MiB"]);
    await page.locator("#language").selectOption("sv");
    await page.waitForSelector("html[lang=sv]");
    assert.equal((await told([1536]))[0].replaceAll("\u00a0", " "), "1,5 KiB");
  },

  async "dates as in the reader's region"(tools) {
    // (languages of the browser, language of the page, form of its dates)
    const cases = [
      [["en-GB", "en"], "en", /Sun,? 22 November 2026 at 1[45]:00/],
      [["en-US"], "en", /Sun, November 22, 2026 at 0[23]:00\sPM/],
      [["en-AU", "sv-SE"], "en", /Sun,? 22 November 2026/],
      [["de-DE", "de"], "en", /Sun,? 22 November 2026/],
      [["de"], "en", /Sun,? 22 November 2026/],
      [["en", "sv-SE"], "en", /Sun,? 22 November 2026 at 1[45]:00/],
      [["sv-SE"], "sv", /sön 22 november 2026 kl\. 1[45]:00/],
      [["en-GB"], "sv", /22 november 2026/],
      [["en-US@posix", "*", "en-GB"], "en", /Sun,? 22 November 2026 at 1[45]:00/],
      [["*"], "en", /November 22, 2026/],
      [[], "sv", /22 november 2026/],
    ];
    for (const [languages, lang, pattern] of cases) {
      const context = await tools.context();
      await context.addInitScript((list) => {
        Object.defineProperty(Navigator.prototype, "languages", { get: () => list });
      }, languages);
      const page = await tools.open(`/?lang=${lang}`, { context });
      const date = await page.evaluate(async () => {
        const { date } = await import(document.querySelector("script[type=module]").src.replace(/[^/]+\/[^/]+$/, "common/page.js"));
        return String(date("2026-11-22T13:00:00Z"));
      });
      assert.match(date, pattern, `${languages} ${lang}`);
      await page.close();
    }
  },

  async "a clock that is wrong"(tools) {
    for (const hours of [-30, 0, 30]) {
      const context = await tools.context();
      // The server's clock as the browser receives it.
      await context.route("**/{api/**,robots.txt}", async (route) => {
        const response = await route.fetch();
        const date = new Date(Date.now() + hours * 3_600_000).toUTCString();
        return route.fulfill({ response, headers: { ...response.headers(), date } });
      });
      const page = await tools.open("/", { context });
      const told = page.locator("#clock");
      const end = page.locator(".summary + .hint");
      const expected = await page.evaluate(async (hours) => {
        const { date } = await import(document.querySelector("script[type=module]").src.replace(/[^/]+\/[^/]+$/, "common/page.js"));
        return String(date(new Date(Date.now() + hours * 3_600_000 + 7 * 86_400_000))).slice(0, 12);
      }, hours);
      await page.waitForFunction((text) => document.querySelector(".summary + .hint").textContent.includes(text), expected);
      assert.ok((await end.innerText()).includes(expected), hours);
      if (hours) assert.match(await told.innerText(), /differ by 1 day/);
      else assert.ok(await told.isHidden());
      const relative = await page.evaluate(async ({ hours }) => {
        const { relative } = await import(document.querySelector("script[type=module]").src.replace(/[^/]+\/[^/]+$/, "manage/moment.js"));
        return String(relative(new Date(Date.now() + (hours + 72) * 3_600_000 + 60_000)));
      }, { hours });
      assert.equal(relative, "in 3 days", hours);
      await page.close();
    }
  },

  async "nothing to burn where nothing is left"(tools) {
    const used = await make(open, "text");
    const whole = await make(open, "text");
    await fetch(`${open.url}/api/public/secrets/${used.id}/view`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: "{}",
    });
    const burn = (page) => page.getByRole("button", { name: "Delete now" });
    const over = await tools.open(`/status/${used.id}#${used.manage_token}`);
    await over.waitForSelector(".log");
    await burn(over).waitFor();
    // The viewer could fetch it again until the lease ended.
    await over.clock.setFixedTime(Date.now() + 2 * 24 * HOUR * 1000);
    await over.reload();
    await over.waitForSelector(".log");
    assert.equal(await burn(over).count(), 0);
    const page = await tools.open(`/status/${whole.id}#${whole.manage_token}`);
    await burn(page).waitFor();
    await advance("open", 30 * 24 * HOUR);
    await page.getByRole("button", { name: "Refresh" }).click();
    await page.getByText("expired").first().waitFor();
    assert.equal(await burn(page).count(), 0);

    // In the list it is only removed; on the page of the secret, too, once the lease has ended.
    const list = await tools.open("/manage", { server: "account" });
    const mine = await make(account, "text", {}, { key: account.key });
    await call("POST", `/api/public/secrets/${mine.id}/view`, {}, "account");
    await list.clock.setFixedTime(Date.now() + 2 * 24 * HOUR * 1000);
    await enter(list, account);
    await list.locator(".act button").first().click();
    await list.getByRole("button", { name: "Remove from the list" }).click();
    await list.getByRole("dialog").getByRole("button", { name: "Remove from the list" }).click();
    await list.getByText("Removed from the list.").waitFor();

    const secret = await makeSecret({ max_views: 1 });
    const context = await tools.context();
    await context.clock.install();
    const view = await tools.open(secret.path, { context, allow: [/404/] });
    await openSecret(view);
    await view.getByRole("button", { name: "Delete now" }).waitFor();
    await view.clock.runFor(61_000);
    await view.getByRole("button", { name: "Remove it from this page" }).waitFor();
    assert.equal(await view.getByRole("button", { name: "Delete now" }).count(), 0);
  },

  async "what was read out does not stay"(tools) {
    const secret = await makeSecret({ max_views: 9 });
    const page = await tools.open(secret.path);
    await openSecret(page);
    await heading(page, "Here is your secret");
    await page.waitForTimeout(50);
    assert.equal(await page.locator("#announce").textContent(), "");
    const context = await tools.context();
    await context.clock.install();
    const other = await tools.open("/", { context });
    await other.locator("input[type=file]").setInputFiles([{ name: "a", mimeType: "text/plain", buffer: Buffer.from("a") }]);
    await other.clock.runFor(100);
    assert.notEqual(await other.locator("#announce").textContent(), "");
    await other.clock.runFor(5_000);
    assert.equal(await other.locator("#announce").textContent(), "");
  },
});
