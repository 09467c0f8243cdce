// What every page has: its texts and settings, as the server put them into it, numbers and dates in the
// reader's language, and the little that works on all pages (the switch of languages, the skip button).

const data = JSON.parse(document.getElementById("data").textContent);

/** The language of the page (BCP 47). */
export const lang = data.lang;
/** What the operator has set: create, boxes, expiration, max_ciphertext, max_upload, … */
export const config = data.config;
/** What the site is called. */
export const siteName = data.name;
/** The address of the root of the site, with a slash at its end. */
export const root = new URL("./", document.baseURI).href;
/** Whether the browser trusts the connection: WebCrypto, clipboard and storage need it. */
export const secure = window.isSecureContext;

const plurals = new Intl.PluralRules(lang);

/** The text of a key; `{name}` in it becomes `args.name`, and `args.count` chooses among plural forms. */
export function t(key, args = {}) {
  const { messages } = data;
  let text = messages[key];
  if (text === undefined && "count" in args) {
    text = messages[`${key}.${plurals.select(args.count)}`] ?? messages[`${key}.other`];
  }
  if (text === undefined) throw new Error(`no text: ${key}`);
  return fill(text, args, lang);
}

/** The languages that there are: `{ tag, name }`. */
export const languages = [...document.getElementById("language").options]
  .map(({ value, textContent }) => ({ tag: value, name: textContent }));

/** As `t`, in another language: for what somebody else will read. Only keys that begin with `receiver.`. */
export function tIn(tag, key, args = {}) {
  const texts = data.receivers[tag];
  const text = texts[key] ?? texts[`${key}.${new Intl.PluralRules(tag).select(args.count)}`] ?? texts[`${key}.other`];
  return fill(text, args, tag);
}

function fill(text, args, language) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = args[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? new Intl.NumberFormat(language).format(value) : String(value);
  });
}

/** A number as it is written here. */
export function number(value) {
  return new Intl.NumberFormat(lang).format(value);
}

/** A moment: date and time, with the zone. Takes a Date or RFC 3339. */
export function date(moment, language = lang) {
  return new Intl.DateTimeFormat(language, {
    weekday: "short", year: "numeric", month: "long", day: "numeric", hour: "2-digit", minute: "2-digit",
    timeZoneName: "short",
  }).format(new Date(moment));
}

/** A moment, short: for tables. */
export function shortDate(moment) {
  return new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "short" }).format(new Date(moment));
}

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

/** A length of time by its largest unit: "3 days". */
export function duration(seconds) {
  const rounded = Math.max(0, Math.round(seconds));
  const [unit, length] = UNITS.find(([, length]) => rounded >= length) ?? UNITS[3];
  return new Intl.NumberFormat(lang, { style: "unit", unit, unitDisplay: "long" })
    .format(Math.round(rounded / length));
}

/** A length of time in hours: whole days where it is some. */
export function lifetime(hours) {
  const [count, unit] = hours >= 24 && hours % 24 === 0 ? [hours / 24, "day"] : [hours, "hour"];
  return new Intl.NumberFormat(lang, { style: "unit", unit, unitDisplay: "long" }).format(count);
}

const SIZES = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

/** A number of bytes: "1.2 MB", in powers of 1,000. */
export function bytes(count) {
  const power = Math.min(4, Math.max(0, Math.floor(Math.log10(Math.max(1, count)) / 3)));
  return new Intl.NumberFormat(lang, {
    style: "unit", unit: SIZES[power], unitDisplay: power ? "short" : "long",
    maximumFractionDigits: power ? 1 : 0,
  }).format(count / 1000 ** power);
}

/** Bytes a second: "1.2 MB/s". */
export function speed(bytesPerSecond) {
  return `${bytes(bytesPerSecond)}/s`;
}

/** Where the browser brings back a page that was left it is loaded anew: its reader may have signed out since. */
export function freshOnReturn() {
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
}

/** Makes the parts of the page work that all pages have. Every page calls it first. */
export function start() {
  document.getElementById("skip").addEventListener("click", () => document.getElementById("main").focus());
  // Reading the fragment again keeps what stands in it: a link with a language would lose the key.
  document.getElementById("language").addEventListener("change", (event) => {
    const path = new URL(root).pathname;
    document.cookie = `lang=${event.target.value}; path=${path}; max-age=31536000; samesite=lax`;
    const url = new URL(location.href);
    if (url.searchParams.has("lang")) {
      url.searchParams.set("lang", event.target.value);
      return location.replace(url);
    }
    return location.reload();
  });
  document.getElementById("insecure").hidden = secure;
}
