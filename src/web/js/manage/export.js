// @ts-check
// A list of the account as a file: CSV for spreadsheets, JSON for programs.
import { saveBytes } from "../common/download.js";

/** What a spreadsheet would take for a formula. */
const FORMULA = /^[=+\-@\t\r]/;

/**
 * Saves items under `name`, with an ending for the format. All have the same fields; texts, numbers, booleans
 * and nulls.
 *
 * @param {"csv" | "json"} format
 * @param {string} name
 * @param {Record<string, unknown>[]} items
 */
export function saveList(format, name, items) {
  const text = format === "csv" ? csv(items) : JSON.stringify(items, null, 2);
  saveBytes(text, { name: `${name}.${format}` });
}

/**
 * RFC 4180, with a byte order mark, without which spreadsheets do not read UTF-8.
 *
 * @param {Record<string, unknown>[]} items
 */
export function csv(items) {
  const names = Object.keys(items[0] ?? {});
  const lines = [names, ...items.map((item) => names.map((name) => item[name]))];
  return `\ufeff${lines.map((line) => line.map(cell).join(",")).join("\r\n")}\r\n`;
}

/** @param {unknown} value */
function cell(value) {
  const text = value === null || value === undefined ? "" : String(value);
  // An apostrophe keeps a stranger's text from being calculated.
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
