// The browsers of the scripts in this folder: Chromium, and Firefox as Debian has it.
import { existsSync } from "node:fs";
import { chromium, firefox } from "playwright-core";

const CHROMIUM = "/usr/bin/chromium";
/** The same engine without windows, tabs and a PDF viewer. It needs less than half of the processor time. */
const SHELL = "/usr/bin/chromium-headless-shell";

/**
 * Starts Chromium; `rules` are those of its `--host-resolver-rules`. With `isWhole` it is the browser as people
 * have it, else the headless shell if that is installed.
 */
export function startChromium(rules, { isWhole = false } = {}) {
  return chromium.launch({
    executablePath: process.env.SEALDROP_CHROMIUM || (isWhole || !existsSync(SHELL) ? CHROMIUM : SHELL),
    // Without a graphics card, most of the time is spent drawing.
    args: ["--no-sandbox", "--disable-gpu", `--host-resolver-rules=${rules}`],
  });
}

/**
 * Starts Firefox by WebDriver BiDi; `saves` is the folder for files. Playwright's own protocol needs Playwright's own build of Firefox. With
 * WebDriver BiDi, Playwright 1.65 needs a command of Firefox that the ESR 153 does not have, so
 * `tests/node/package.json` has an older version.
 */
export function startFirefox({ saves, dark = false }) {
  return firefox.launch({
    channel: "moz-firefox",
    executablePath: process.env.SEALDROP_FIREFOX || "/usr/bin/firefox-esr",
    downloadsPath: saves,
    firefoxUserPrefs: {
      "layout.css.prefers-color-scheme.content-override": dark ? 0 : 1,
      "ui.prefersReducedMotion": 1,
      // Every tab counts as one whose window has the focus of the desktop.
      "focusmanager.testmode": true,
      // As on most desktops; Firefox on a Mac leaves buttons and links out.
      "accessibility.tabfocus": 7,
    },
  });
}

/** What a context in Firefox cannot have by this protocol: settings of the browser stand for them. */
export const FIREFOX_CONTEXT = {
  colorScheme: null, reducedMotion: null, forcedColors: null, contrast: null, hasTouch: false,
};

/**
 * The style that Playwright adds for a screenshot, `body {}`: by this protocol, our policy refuses it, and
 * Firefox says so with this hash.
 */
export const SCREENSHOT_STYLE = "sha256-YjaKGiklmzC6wjXA513HAMmzus8VE61XCOT+SmwNZWA=";
