// The environment of the scripts in this folder: a browser, pages that must not log errors nor send planted
// values, and servers whose clocks the scripts move. Started by tests/it/browser.rs, with the addresses.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { FIREFOX_CONTEXT, SCREENSHOT_STYLE, startChromium, startFirefox } from "./browsers.mjs";
import { Recorder } from "./recorder.mjs";

const require = createRequire(import.meta.url);
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const SHOTS = process.env.SEALDROP_SCREENSHOTS;
// A folder whose files replace the assets of the server, for work on them.
const SOURCES = process.env.SEALDROP_WEB_SOURCES;

/** `{ account, open }`, each `{ url, key, public_key, time }`; both on 127.0.0.1. `time` is Unix time. */
export const servers = JSON.parse(process.env.SEALDROP_SERVERS);

/** The name for 127.0.0.1 that a browser does not trust. */
const UNTRUSTED = "drop.test";

/** Whether the browser is Firefox: `SEALDROP_BROWSER=firefox`. */
export const isFirefox = process.env.SEALDROP_BROWSER === "firefox";

/** The bytes that the browser sends to the servers. Planted values must not be in them when the flow ends. */
export const recorder = await Recorder.start(servers, UNTRUSTED);
// Firefox has no rules that lead it to the recorder, so its pages are at the addresses of the recorder.
if (isFirefox) for (const server of Object.values(servers)) server.url = recorder.addressOf(server.url);

/** Sizes of windows. */
export const VIEWPORTS = {
  desktop: { width: 1280, height: 900 }, phone: { width: 360, height: 740 },
  large_phone: { width: 390, height: 844 }, narrow: { width: 320, height: 640 },
};

/**
 * The looks of `everyLook`. `SEALDROP_LOOKS`, such as `desktop-en-light,narrow-sv-dark`, replaces them: then
 * only flows with `everyLook` run, and nothing but the pictures is wanted (tests/node/screens.mjs).
 */
const PICTURES = process.env.SEALDROP_LOOKS;
const LOOKS = (PICTURES ?? "desktop-en-light,desktop-sv-dark,phone-en-light,phone-sv-dark").split(",");

/** Where Firefox saves files. */
const saves = isFirefox ? mkdtempSync(join(tmpdir(), "saved-")) : "";

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Asks the trial that started this script. */
async function ask(request) {
  process.stdout.write(`!${JSON.stringify(request)}\n`);
  return (await answers.next()).value;
}

/** Moves the clock of a server ahead. */
export async function advance(server, seconds) {
  assert.equal(await ask({ server, seconds }), "ok");
}

/** The token of a new claim link. */
export async function claim(server) {
  const token = await ask({ server });
  assert.match(token, /^[0-9a-f]{64}$/);
  return token;
}

/** The name by which a browser does not trust 127.0.0.1: a page there has no WebCrypto. */
export function insecure(url) {
  return url.replace("127.0.0.1", UNTRUSTED);
}

/**
 * The file that a page saves when `act` has been done: `{ name, bytes }`. In Firefox, a file is not empty, and one
 * is saved at a time: Firefox gives the saving of a Blob no id, without which Playwright has no event for it.
 */
export async function savedFile(page, act, { timeout = 120_000 } = {}) {
  if (!isFirefox) {
    const [download] = await Promise.all([page.waitForEvent("download", { timeout }), act()]);
    return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
  }
  await act();
  const end = Date.now() + timeout;
  for (;;) {
    const names = readdirSync(saves);
    // Firefox makes an empty file with the name first, and writes into another until it is complete.
    const bytes = names.length === 1 ? readFileSync(join(saves, names[0])) : "";
    if (bytes.length) {
      rmSync(join(saves, names[0]));
      return { name: names[0], bytes };
    }
    assert.ok(Date.now() < end, `no file was saved: ${names}`);
    await new Promise((done) => { setTimeout(done, 50); });
  }
}

/**
 * Runs `flows`, an object of named functions, each with its own tools; fails if one of them does.
 * With `isNow` the clocks of the servers are set to the real time, else they stand at their first moment.
 * With `isWhole` they need more of Chromium than its engine.
 * Arguments of the process are the names of the flows to run; without any, all run.
 */
export async function run(flows, { isNow = true, isWhole = false } = {}) {
  const rules = `${recorder.rules}, MAP ${UNTRUSTED} 127.0.0.1`;
  const browser = isFirefox ? await startFirefox({ saves }) : await startChromium(rules, { isWhole });
  // Pages count down by the `Date` of answers, which is the real time.
  if (isNow) for (const [name, { time }] of Object.entries(servers)) {
    await advance(name, Math.max(0, Math.floor(Date.now() / 1000) - time));
  }
  const wanted = process.argv.slice(2);
  let failed = 0;
  for (const [name, flow] of Object.entries(flows)) {
    if (wanted.length && !wanted.includes(name)) continue;
    if (PICTURES && !String(flow).includes("everyLook")) continue;
    const tools = new Tools(browser);
    recorder.begin();
    const began = Date.now();
    try {
      await flow(tools);
      await tools.close();
      console.log(`ok ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED ${name}: ${error.stack}`);
      await tools.fail(name);
    }
  }
  await browser.close();
  if (isFirefox) rmSync(saves, { recursive: true });
  process.exit(failed ? 1 : 0);
}

class Tools {
  #browser;
  #pages = [];
  #contexts = [];

  constructor(browser) {
    this.#browser = browser;
  }

  /** The browser itself, for calls that do not concern a page of ours. */
  get browser() {
    return this.#browser;
  }

  /**
   * A window at `path` of a server (or at a whole URL), in a browser of its own unless `context` gives one.
   * `size` is a name of VIEWPORTS. The page must not log errors in its console, nor request anything that is
   * not on the server; `allow` has patterns of expected errors.
   */
  async open(path, { server = "open", size = "desktop", lang = "en", dark = false, context, allow = [], ...more } = {}) {
    const own = context ?? await this.context({ size, lang, dark, ...more });
    const page = await own.newPage();
    const complaints = [];
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    page.on("pageerror", (error) => {
      const text = String(error.stack ?? error);
      if (!(isFirefox && text.includes(SCREENSHOT_STYLE))) complaints.push(text);
    });
    page.on("request", (request) => {
      const url = new URL(request.url());
      const ports = Object.values(servers).map(({ url }) => new URL(url).port);
      if (["http:", "https:"].includes(url.protocol) && !ports.includes(url.port) && !this.ports.has(url.port)) {
        complaints.push(`asks elsewhere: ${url}`);
      }
    });
    this.#pages.push({ page, complaints, allow });
    await page.goto(/^https?:/.test(path) ? path : servers[server].url + path);
    // Firefox shows no focus in a tab that is not in front.
    if (isFirefox) {
      await page.bringToFront();
      await page.waitForFunction(() => document.hasFocus());
    }
    return page;
  }

  /** More ports that pages may call: of a proxy that a test has started. */
  ports = new Set();

  /** A browser of its own: cookies, storage, clipboard. */
  async context({ size = "desktop", lang = "en", dark = false, ...more } = {}) {
    const context = await this.#browser.newContext({
      viewport: VIEWPORTS[size], locale: lang, colorScheme: dark ? "dark" : "light", hasTouch: size === "phone",
      timezoneId: "Europe/Stockholm", reducedMotion: "reduce", acceptDownloads: true, ...more,
      ...(isFirefox && FIREFOX_CONTEXT),
    });
    context.setDefaultTimeout(isFirefox ? 60_000 : 20_000);
    if (SOURCES) {
      await context.route("**/assets/*/{js,css,images}/**", (route) => {
        const file = new URL(route.request().url()).pathname.replace(/^.*\/assets\/[^/]+\//, "");
        return route.fulfill({ path: `${SOURCES}/${file}` });
      });
    }
    this.#contexts.push(context);
    return context;
  }

  /** A screenshot of the whole page, `NAME.png`. */
  async shot(page, name) {
    if (!SHOTS) return;
    mkdirSync(SHOTS, { recursive: true });
    await page.screenshot({ path: `${SHOTS}/${name}.png`, fullPage: true });
  }

  /** axe-core finds no fault that is more than minor, nothing overflows at the side; a screenshot, unless it is endless. */
  async check(page, name, { picture = true } = {}) {
    // Our policy allows no script; the debugger can inject one.
    const found = await page.evaluate(`(() => { const module = undefined; ${AXE}; return window.axe.run(document, {
      resultTypes: ["violations"],
    }); })()`);
    const faults = found.violations
      .filter(({ impact }) => impact !== "minor")
      .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html + " " + node.failureSummary).join(" | ")}`);
    assert.deepEqual(faults, [], name);
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(wider <= 0, `${name}: ${wider} px too wide`);
    if (picture) await this.shot(page, name);
  }

  /** Both sizes, both languages, light and dark: `prepare(page)` brings each to the state to be checked. */
  async everyLook(name, path, prepare = async () => {}, options = {}) {
    for (const look of LOOKS) {
      const [size, lang, color] = look.split("-");
      // The steps know the texts of two languages; the switch leads to the others.
      const isKnown = ["en", "sv"].includes(lang);
      const page = await this.open(path, { ...options, size, lang: isKnown ? lang : "en", dark: color === "dark" });
      await prepare(page);
      if (!isKnown) {
        await page.locator("#language").selectOption(lang, { force: true });
        await page.waitForSelector(`html[lang=${lang}]`);
      }
      if (PICTURES) await this.shot(page, `${name}-${look}`);
      else await this.check(page, `${name}-${look}`);
      await page.close();
    }
  }

  /** Ends the flow: no page may have logged errors, nor sent planted values. */
  async close() {
    const all = this.#pages.flatMap(({ complaints, allow }) =>
      complaints.filter((text) => !allow.some((pattern) => pattern.test(text))));
    for (const context of this.#contexts) await context.close();
    assert.deepEqual(all, [], "errors in the console");
    assert.deepEqual(recorder.leaks(), [], "what was planted");
  }

  /** Prints the state of the pages after an error. */
  async fail(name) {
    for (const [number, { page, complaints }] of this.#pages.entries()) {
      for (const complaint of complaints) console.log(`  console: ${complaint}`);
      if (!page.isClosed()) {
        console.log(`  at ${page.url()}: ${(await page.locator("body").innerText().catch(() => "")).slice(0, 600)}`);
        await this.shot(page, `failed-${name.replaceAll(" ", "_")}-${number}`).catch(() => {});
      }
    }
    for (const context of this.#contexts) await context.close().catch(() => {});
  }
}
