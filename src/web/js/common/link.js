// @ts-check
// A finished link and the ways to send it: copied, as a QR code, in two parts, in a text.
import { announce, confirmDialog, copyButton, field, h } from "./dom.js";
import { date, dateIn, directionOf, lang, languages, root, t, textsIn } from "./page.js";
import { toBase64, utf8 } from "../crypto/bytes.js";
import { qr } from "./qr.js";
import { guardWhileShown, isAtStake } from "./stakes.js";

/**
 * The link of a secret. Browsers never send its fragment to a server.
 *
 * @param {string} id
 * @param {string} publicHalf
 */
export function secretLink(id, publicHalf) {
  return `${root}${id}/#${keyText(publicHalf)}`;
}

/**
 * The public half, encoded for links.
 *
 * @param {string} publicHalf
 */
export function keyText(publicHalf) {
  return toBase64(utf8(publicHalf));
}

/**
 * A line with a text to copy. `onCopied()` is called however the text is copied.
 *
 * @param {string} text
 * @param {TextLike} label
 * @param {{ primary?: boolean, button?: TextLike, onCopied?: () => void }} options
 */
export function copyLine(text, label, { primary = false, button, onCopied = () => {} } = {}) {
  const line = h("input", {
    type: "text", readonly: true, value: text, "aria-label": label, translate: "no", spellcheck: "false",
    autocomplete: "off", onfocus: () => line.select(), oncopy: onCopied,
  });
  return h("div", { class: "copyline" }, line,
    copyButton(() => text, button ?? t("common.copy"), { class: primary ? "button primary" : "button" },
      { onCopied }));
}

/**
 * A link to copy, with its QR code in a <details>.
 *
 * @param {string} link
 * @param {{ label?: TextLike, primary?: boolean, onCopied?: () => void }} options
 */
export function linkLine(link, { label = t("link.label"), primary = false, onCopied } = {}) {
  const code = h("details", { class: "qr-code" }, h("summary", {}, t("link.qr")));
  // Created on demand, because most people copy the link.
  code.addEventListener("toggle", () => {
    if (!code.open || code.querySelector("svg")) return;
    const svg = qr(link, t("link.qr_label"));
    svg.classList.add("qr");
    code.append(svg);
  });
  return h("div", { class: "link-line" },
    copyLine(link, label, { primary, button: t("link.copy"), onCopied }), code);
}

/**
 * Everything about the link of a new secret. `expiresAt` is RFC 3339, or null for never; `statusLink` is the
 * address of the status page. The browser asks before the page is left without copying the link.
 *
 * @param {{ link: string, id: string, publicHalf: string, expiresAt: string | null, maxViews: number,
 *   hasPassword: boolean, statusLink?: string }} options
 */
export function linkPanel({ link, id, publicHalf, expiresAt, maxViews, hasPassword, statusLink }) {
  /** @type {Set<"link" | "key">} */
  const missing = new Set(["link", "key"]);
  const took = (/** @type {("link" | "key")[]} */ ...parts) => () => {
    for (const part of parts) missing.delete(part);
  };
  const panel = h("div", { class: "link-panel" },
    linkLine(link, { label: t("link.label"), primary: true, onCopied: took("link", "key") }),
    h("p", { class: "muted" }, expiresAt
      ? t("link.ends", { date: date(expiresAt), left: t("link.views", { count: maxViews }) })
      : t("link.ends_never", { left: t("link.views", { count: maxViews }) })),
    hasPassword && h("p", {}, t("link.password")),
    h("details", { class: "message-text" }, h("summary", {}, t("link.text")),
      textFor({ link, expiresAt, maxViews, hasPassword, onCopied: took("link", "key") })),
    h("details", { class: "halves" }, h("summary", {}, t("link.halves")),
      h("p", { class: "hint" }, t("link.halves_hint")),
      h("h3", {}, t("link.half_link")),
      copyLine(`${root}${id}/`, t("link.half_link"), { onCopied: took("link") }),
      h("h3", {}, t("link.half_key")),
      copyLine(keyText(publicHalf), t("link.half_key"), { onCopied: took("key") })),
    statusLink && h("p", {}, h("a", { href: statusLink }, t("link.status")), " ",
      h("span", { class: "muted" }, t("link.status_hint"))),
  );
  return guardWhileShown(panel, () => missing.size > 0);
}

/** Asks before a link that was not copied is replaced; true if it may be. */
export async function mayLeaveLink() {
  return !isAtStake() || confirmDialog({
    title: t("link.leave"), text: t("link.leave_text"), yes: t("link.leave_yes"),
  });
}

/**
 * A text to paste into a mail or a chat, in the language of the recipient.
 *
 * @param {{ link: string, expiresAt: string | null, maxViews: number, hasPassword: boolean,
 *   onCopied: () => void }} options
 */
function textFor({ link, expiresAt, maxViews, hasPassword, onCopied }) {
  const area = h("textarea", {
    readonly: true, oncopy: onCopied, rows: 10, translate: "no", "aria-label": t("link.text"),
  });
  const choice = field(t("link.text_language"), h("select", { autocomplete: "off", onchange: () => write() },
    ...languages.map(({ tag, name, dir }) => h("option", { value: tag, lang: tag, dir }, name))));
  choice.control.value = lang;
  const write = async () => {
    const tag = choice.control.value;
    choice.setError("");
    try {
      const text = await textsIn(tag);
      // Another language was chosen in the meantime.
      if (choice.control.value !== tag) return;
      const lines = [text("receiver.intro"), "", link, ""];
      lines.push(text("receiver.views", { count: maxViews }));
      if (expiresAt) lines.push(text("receiver.until", { date: dateIn(tag, expiresAt) }));
      if (hasPassword) lines.push(text("receiver.password"));
      area.value = lines.join("\n");
      area.lang = tag;
      area.dir = directionOf(tag);
    } catch {
      if (choice.control.value !== tag) return;
      choice.control.value = area.lang;
      choice.setError(t("link.text_failed"));
      announce(t("link.text_failed"));
    }
  };
  write();
  return h("div", {}, choice.node, area,
    h("div", { class: "actions" }, copyButton(() => area.value, t("link.text_copy"), {}, { onCopied })));
}
