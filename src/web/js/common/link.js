// @ts-check
// A finished link and the ways to send it: copied, shared, mailed, as a QR code, in two parts, in a text.
import { countdown } from "./countdown.js";
import { announce, confirmDialog, copyButton, field, h, notice, replace } from "./dom.js";
import { date, dateIn, directionOf, lang, languages, root, siteName, t, textsIn } from "./page.js";
import { keyText } from "./secret_link.js";
import { guardWhileShown, isAtStake } from "./stakes.js";

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
    autocomplete: "off", dir: "ltr", onfocus: () => line.select(), oncopy: onCopied,
  });
  return h("div", { class: "copyline" }, line,
    copyButton(() => text, button ?? t("common.copy"), { class: primary ? "button primary" : "button" },
      { onCopied, isLasting: primary }));
}

/**
 * A link to copy, with its QR code.
 *
 * @param {string} link
 * @param {{ label?: TextLike, primary?: boolean, onCopied?: () => void }} options
 */
export function linkLine(link, { label = t("link.label"), primary = false, onCopied } = {}) {
  return h("div", { class: "link-line" },
    copyLine(link, label, { primary, button: t("link.copy"), onCopied }), qrCode(link));
}

/**
 * The QR code of a link, folded.
 *
 * @param {string} link
 */
export function qrCode(link) {
  const place = h("div", {});
  const code = h("details", { class: "qr-code" }, h("summary", {}, t("link.qr")), place);
  const draw = async () => {
    try {
      const { qr } = await drawing();
      const svg = qr(link, t("link.qr_label"));
      svg.classList.add("qr");
      replace(place, svg);
    } catch {
      replace(place, notice("bad", t("error.offline")));
    }
  };
  // Created on demand, because most people copy the link.
  code.addEventListener("toggle", () => {
    if (code.open && !code.querySelector("svg")) draw();
  });
  // The connection may be gone later. If it is gone now, opening the part says so.
  drawing().catch(() => {});
  return code;
}

/** Loaded with the first link, because a page without one does not need it. */
function drawing() {
  return import("./qr.js");
}

/**
 * The link of a new secret, as it is sent.
 *
 * @typedef {{ link: string, expiresAt: string | null, maxViews: number, hasPassword: boolean }} SentLink
 */

/**
 * Everything about the link of a new secret. `expiresAt` is RFC 3339, or null for never. `warning` says that
 * the link is shown only here. The browser asks before the page is left without copying the link.
 *
 * @param {SentLink & { id: string, publicHalf: string, warning: TextLike }} options
 */
export function linkPanel({ link, id, publicHalf, expiresAt, maxViews, hasPassword, warning }) {
  /** @type {Set<"link" | "key">} */
  const missing = new Set(["link", "key"]);
  const took = (/** @type {("link" | "key")[]} */ ...parts) => () => {
    for (const part of parts) missing.delete(part);
  };
  const all = took("link", "key");
  const sent = { link, expiresAt, maxViews, hasPassword };
  const message = () => recipientText(t, lang, sent);
  const panel = h("div", { class: "link-panel" },
    notice("warn", warning),
    h("div", { class: "link-line" },
      copyLine(link, t("link.label"), { primary: true, button: t("link.copy"), onCopied: all })),
    h("p", { class: "summary" },
      t("link.opens", { count: maxViews }), " · ",
      expiresAt
        ? countdown(expiresAt, { text: (time) => t("link.expires_in", { time }), over: t("link.over") })
        : t("link.no_expiry")),
    expiresAt && h("p", { class: "hint" }, t("link.until", { date: date(expiresAt) })),
    hasPassword && h("p", {}, t("link.password")),
    sendActions({ subject: () => String(t("receiver.subject", { site: siteName })), text: message, onShared: all }),
    qrCode(link),
    h("details", { class: "message-text" }, h("summary", {}, t("link.text")), textFor(sent, all)),
    h("details", { class: "halves" }, h("summary", {}, t("link.halves")),
      h("p", { class: "hint" }, t("link.halves_hint")),
      h("h2", {}, t("link.half_link")),
      copyLine(`${root}${id}/`, t("link.half_link"), { onCopied: took("link") }),
      h("h2", {}, t("link.half_key")),
      copyLine(keyText(publicHalf), t("link.half_key"), { onCopied: took("key") })),
  );
  return guardWhileShown(panel, () => missing.size > 0);
}

/**
 * The ways to pass a link on: the share sheet of the device, where there is one, and the mail program. `text()`
 * has the link. `onShared()` is not called for mails, because many browsers have no mail program.
 *
 * @param {{ subject: () => string, text: () => string, onShared?: () => void }} options
 */
export function sendActions({ subject, text, onShared = () => {} }) {
  const mail = h("a", { class: "button", rel: "noreferrer" }, t("link.mail"));
  const address = () => {
    // Mail programs want CRLF: RFC 6068, section 5.
    const body = text().replaceAll("\n", "\r\n");
    mail.href = `mailto:?subject=${encodeURIComponent(subject())}&body=${encodeURIComponent(body)}`;
  };
  address();
  // The language of the page may have changed.
  mail.addEventListener("click", address);
  return h("div", { class: "actions share" }, shareButton(text, onShared), mail);
}

/**
 * @param {() => string} text
 * @param {() => void} onShared
 */
function shareButton(text, onShared) {
  if (!navigator.share) return null;
  const problem = h("p", { class: "error", role: "alert", hidden: true }, t("link.not_shared"));
  const share = async () => {
    problem.hidden = true;
    try {
      await navigator.share({ text: text() });
      onShared();
    } catch (error) {
      // The user has closed the sheet.
      if (error.name !== "AbortError") problem.hidden = false;
    }
  };
  return [h("button", { type: "button", class: "button", onclick: share }, t("link.share")), problem];
}

/** Asks before a link that was not copied is replaced; true if it may be. */
export async function mayLeaveLink() {
  return !isAtStake() || confirmDialog({
    title: t("link.leave"), text: t("link.leave_text"), yes: t("link.leave_yes"),
  });
}

/**
 * A text to paste into a mail or a chat, in the language of the recipient; `text` makes its texts.
 *
 * @param {(key: string, args?: Args) => TextLike} text
 * @param {string} tag
 * @param {SentLink} sent
 */
function recipientText(text, tag, { link, expiresAt, maxViews, hasPassword }) {
  const lines = [text("receiver.intro"), "", link, ""];
  lines.push(text("receiver.views", { count: maxViews }));
  if (expiresAt) lines.push(text("receiver.until", { date: dateIn(tag, expiresAt) }));
  if (hasPassword) lines.push(text("receiver.password"));
  return lines.join("\n");
}

/**
 * @param {SentLink} sent
 * @param {() => void} onCopied
 */
function textFor(sent, onCopied) {
  const area = h("textarea", {
    readonly: true, oncopy: onCopied, rows: 10, translate: "no", "aria-label": t("link.text"), dir: "auto",
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
      area.value = recipientText(text, tag, sent);
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
