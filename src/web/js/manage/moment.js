// @ts-check
// A moment with its distance from now.
import { now } from "../common/clock.js";
import { h } from "../common/dom.js";
import { live } from "../common/live.js";
import { date, lang, shortDate, t } from "../common/page.js";

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]];

/**
 * "3 days ago", "in 5 hours", by the server's clock.
 *
 * @param {string} at
 */
export function relative(at) {
  const seconds = (new Date(at).getTime() - now()) / 1000;
  const [unit, length] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? UNITS[3];
  const count = Math.round(seconds / length);
  return live(() => new Intl.RelativeTimeFormat(lang, { numeric: "auto" }).format(count, unit));
}

/**
 * The time, short or long, with the distance from now.
 *
 * @param {string} at
 * @param {{ isLong?: boolean }} options
 */
export function moment(at, { isLong = false } = {}) {
  return h("div", { class: "moment" },
    h("time", { datetime: at }, isLong ? date(at) : shortDate(at)), " ",
    h("span", { class: "muted small" }, relative(at)));
}

/**
 * A day in UTC, such as 2026-11-22; null for never.
 *
 * @param {string | null} on
 */
export function day(on) {
  if (!on) return t("manage.never");
  const format = () => new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeZone: "UTC" });
  return h("time", { datetime: on }, live(() => format().format(new Date(on))));
}

/**
 * The expiry: RFC 3339, or null for never.
 *
 * @param {string | null} at
 * @param {{ isLong?: boolean }} [options]
 */
export function end(at, options) {
  return at ? moment(at, options) : t("manage.never");
}
