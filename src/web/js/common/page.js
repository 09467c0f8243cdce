// @ts-check
// The base of every page: its texts and settings from the server, numbers and dates in the language of the
// page, and the parts of the layout that need a script. Texts follow the language: see live.js.

import { whenClockTold } from "./clock.js";
import { startDrops } from "./drops.js";
import { startLanguages } from "./language.js";
import { forgetEnded } from "./lease.js";
import { live, renew, write } from "./live.js";
import { getAccountName, getKey, whenSigned } from "./session.js";
import { isAtStake } from "./stakes.js";
import { textsOf } from "./texts.js";

/** @type {PageData} */
const data = JSON.parse(element("data").textContent ?? "");

/** The language of the page (BCP 47). */
export let lang = data.lang;
/** The language as an attribute that follows it, for a part of a page in another language. */
export const pageLang = live(() => lang);
/** The direction of its script, likewise. */
export const pageDir = live(() => directionOf(lang));
/** Settings of the server: create, boxes, expiration, max_ciphertext, max_upload, … */
export const config = data.config;
/** Names of browsers and systems, on pages that show a log: see log.js. */
export const { agents } = data;
/** The name of the site. */
export const siteName = data.name;
/** The address of the root of the site, with a slash at its end. */
export const root = new URL("./", document.baseURI).href;
/** Whether this is a secure context: WebCrypto, clipboard and storage need it. */
export const secure = window.isSecureContext;

/**
 * The text of a key. `{name}` is replaced with `args.name`, and `args.count` selects the plural form.
 *
 * @param {string} key
 * @param {Args} args
 */
export function t(key, args = {}) {
  if (textOf(data.messages, key, args, lang) === undefined) throw new Error(`no text: ${key}`);
  return live(() => fill(textOf(data.messages, key, args, lang), args, lang));
}

/**
 * @param {Texts} texts
 * @param {string} key
 * @param {Args} args
 * @param {string} language
 */
function textOf(texts, key, { count }, language) {
  if (texts[key] !== undefined || count === undefined) return texts[key];
  return texts[`${key}.${new Intl.PluralRules(language).select(count)}`] ?? texts[`${key}.other`];
}

/** The languages: `{ tag, name, dir }`, where `dir` is the direction of the script. */
export const languages = [.../** @type {HTMLSelectElement} */ (element("language")).options]
  .map(({ value, textContent, dir }) => ({ tag: value, name: textContent, dir: dir || "ltr" }));

/**
 * The direction of the script of a language.
 *
 * @param {string} tag
 */
export function directionOf(tag) {
  return languages.find((language) => language.tag === tag)?.dir ?? "ltr";
}

/**
 * As `t`, in a language that may be another than the page's, for a text that another person will read.
 * Rejects if the texts cannot be loaded.
 *
 * @param {string} tag
 * @returns {Promise<(key: string, args?: Args) => string>}
 */
export async function textsIn(tag) {
  const texts = tag === lang ? data.messages : await textsOf(tag);
  return (key, args = {}) => fill(textOf(texts, key, args, tag), args, tag);
}

/**
 * In a script from right to left, each value is isolated (Unicode UAX 9), since most are written from left
 * to right and would otherwise change the order of the words around them.
 *
 * @param {string} text
 * @param {Args} args
 * @param {string} language
 */
function fill(text, args, language) {
  const isRtl = directionOf(language) === "rtl";
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = args[name];
    if (value === undefined) return whole;
    const written = typeof value === "number" ? new Intl.NumberFormat(language).format(value) : String(value);
    return isRtl ? `\u2068${written}\u2069` : written;
  });
}

/**
 * A number in the format of the language.
 *
 * @param {number} value
 */
export function number(value) {
  return live(() => new Intl.NumberFormat(lang).format(value));
}

/**
 * The locale for dates: the language of the page with the region of the browser. Digits are 0 to 9 in each,
 * as in the rest of the text.
 *
 * @param {string} tag
 */
function localeOf(tag) {
  const own = new Intl.Locale(tag);
  const wanted = (navigator.languages ?? []).flatMap((tag) => {
    try {
      return [new Intl.Locale(tag)];
    } catch {
      // Some browsers have invalid tags, such as "en-US@posix" or a text from their settings.
      return [];
    }
  });
  const same = wanted.find((locale) => locale.language === own.language && locale.region);
  const region = same?.region ?? own.region ?? wanted.find((locale) => locale.region)?.region
    ?? wanted[0]?.maximize().region;
  return new Intl.Locale((same ?? own).toString(), { region, numberingSystem: "latn" });
}

/**
 * A moment: date and time, with the zone. Takes a Date or RFC 3339.
 *
 * @param {string | Date} moment
 */
export function date(moment) {
  return live(() => dateIn(lang, moment));
}

/**
 * The same in another language.
 *
 * @param {string} language
 * @param {string | Date} moment
 */
export function dateIn(language, moment) {
  return new Intl.DateTimeFormat(localeOf(language), {
    weekday: "short", year: "numeric", month: "long", day: "numeric", hour: "2-digit", minute: "2-digit",
    timeZoneName: "short",
  }).format(new Date(moment));
}

/**
 * A moment in a short form, for tables.
 *
 * @param {string | Date} moment
 */
export function shortDate(moment) {
  return live(() => new Intl.DateTimeFormat(localeOf(lang), { dateStyle: "medium", timeStyle: "short" })
    .format(new Date(moment)));
}

/**
 * A list as part of a sentence: "one and two".
 *
 * @param {TextLike[]} parts
 */
export function list(parts) {
  return live(() => new Intl.ListFormat(lang).format(parts.map(String)));
}

/** @type {[string, number][]} */
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

/**
 * A duration in its largest unit: "3 days".
 *
 * @param {number} seconds
 */
export function duration(seconds) {
  const rounded = Math.max(0, Math.round(seconds));
  const [unit, length] = UNITS.find(([, length]) => rounded >= length) ?? UNITS[3];
  return count(Math.round(rounded / length), unit);
}

/**
 * A duration in its two largest units, rounded down: "6 days, 23 hours".
 *
 * @param {number} seconds
 */
export function remaining(seconds) {
  const at = UNITS.findIndex(([, length]) => seconds >= length);
  if (at < 0) return duration(0);
  const [[unit, length], smaller] = [UNITS[at], UNITS[at + 1]];
  const parts = [count(Math.floor(seconds / length), unit)];
  const rest = smaller ? Math.floor((seconds % length) / smaller[1]) : 0;
  if (smaller && rest) parts.push(count(rest, smaller[0]));
  return live(() => new Intl.ListFormat(lang, { type: "unit" }).format(parts.map(String)));
}

/**
 * A duration in hours, or in days if it is whole days.
 *
 * @param {number} hours
 */
export function lifetime(hours) {
  return hours >= 24 && hours % 24 === 0 ? count(hours / 24, "day") : count(hours, "hour");
}

/**
 * @param {number} value
 * @param {string} unit
 */
function count(value, unit) {
  return live(() => new Intl.NumberFormat(lang, { style: "unit", unit, unitDisplay: "long" }).format(value));
}

const SIZES = ["KiB", "MiB", "GiB", "TiB"];

/**
 * A number of bytes: "1.2 MiB", in powers of 1,024, as the command line and settings have it (src/size.rs).
 *
 * @param {number} count
 */
export function bytes(count) {
  return live(() => sizeIn(lang, count));
}

/**
 * Two different sizes in a form in which they also look different.
 *
 * @param {number} one
 * @param {number} other
 */
export function bytesApart(one, other) {
  const isSame = String(bytes(one)) === String(bytes(other));
  return [one, other].map((count) => (isSame ? live(() => exactly(lang, count)) : bytes(count)));
}

/**
 * @param {string} language
 * @param {number} count
 */
function sizeIn(language, count) {
  if (count < 1024) return exactly(language, count);
  let [value, power] = [count / 1024, 0];
  // A value that would round to 1,024 gets the next unit.
  while (Math.round(value * 10) / 10 >= 1024 && power < SIZES.length - 1) {
    [value, power] = [value / 1024, power + 1];
  }
  const written = new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(value);
  const size = `${written}\u00a0${SIZES[power]}`;
  // The unit is written from left to right in every script.
  return directionOf(language) === "rtl" ? `\u2066${size}\u2069` : size;
}

/**
 * @param {string} language
 * @param {number} count
 */
function exactly(language, count) {
  return new Intl.NumberFormat(language, { style: "unit", unit: "byte", unitDisplay: "long" }).format(count);
}

/**
 * Bytes a second: "1.2 MiB/s".
 *
 * @param {number} bytesPerSecond
 */
export function speed(bytesPerSecond) {
  return live(() => `${bytes(bytesPerSecond)}/s`);
}

/**
 * Reloads a page that the browser restores, because its user may have signed out since. Typed text stays if
 * it belongs to the same user.
 */
export function freshOnReturn() {
  let left = getKey();
  window.addEventListener("pagehide", () => { left = getKey(); });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted && (getKey() !== left || !isAtStake())) location.reload();
  });
}

/**
 * Changes the language; `messages` are all of its texts.
 *
 * @param {string} tag
 * @param {Texts} messages
 */
export function setLanguage(tag, messages) {
  lang = tag;
  data.messages = messages;
  document.documentElement.lang = tag;
  document.documentElement.dir = directionOf(tag);
  document.title = `${t(`${data.page}.title`)} · ${siteName}`;
  renew();
}

/**
 * An element of the layout that every page has.
 *
 * @param {string} id
 */
export function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** Shows in the header which account is signed in. The pages of recipients have no place for it. */
function showAccount() {
  const place = document.getElementById("account");
  if (!place) return;
  place.hidden = !getKey();
  if (place.hidden) return;
  const name = getAccountName();
  write(place, name === null ? t("common.signed_in") : t("common.signed_in_as", { name }));
}

/** Starts the parts that all pages have. Every page calls it first. */
export function start() {
  element("skip").addEventListener("click", () => element("main").focus());
  element("insecure").hidden = secure;
  const clock = element("clock");
  whenClockTold((seconds) => {
    clock.hidden = seconds === 0;
    if (seconds) write(clock, t("common.clock", { time: duration(seconds) }));
  });
  forgetEnded();
  showAccount();
  whenSigned(showAccount);
  startLanguages();
  startDrops();
}
