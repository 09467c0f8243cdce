// @ts-check
// The list "Made on this device", with the state of each secret, and the box that adds a new one.
import { ApiError, call, explain } from "../common/api.js";
import { busy, confirmDialog, copyButton, h, notice, replace } from "../common/dom.js";
import { forget, forgetAll, isKeeping, keep, madeHere, rename, stopKeeping } from "../common/made_here.js";
import { write } from "../common/live.js";
import { date, root, shortDate, t } from "../common/page.js";
import { isOver } from "../common/secret_end.js";

/** @typedef {import("../common/made_here.js").MadeHere} MadeHere */

/** How many entries are shown at first. */
const SHOWN = 10;
/** How often states are requested again while the page is visible. */
const TICK_MS = 30_000;
/** The longest name, in characters. */
const MAX_NAME = 80;

/**
 * The address of the status page. Its fragment has the token, which browsers do not send.
 *
 * @param {{ id: string, token: string }} entry
 */
export function statusLink({ id, token }) {
  return `${root}status/${id}${token ? `#${token}` : ""}`;
}

/**
 * The box that keeps a new secret on this device, with a field for its name.
 *
 * @param {MadeHere} entry
 */
export function keepBox(entry) {
  const name = h("input", {
    type: "text", autocomplete: "off", maxlength: MAX_NAME, "data-fleeting": true,
    oninput: () => rename(entry.id, name.value.trim()),
  });
  const naming = h("label", { class: "keep-name", hidden: true }, t("made.name"), name);
  const problem = h("p", { class: "error", role: "alert", hidden: true }, t("made.no_storage"));
  const box = h("input", { type: "checkbox", autocomplete: "off", onchange: () => changed() });
  const changed = () => {
    const isKept = box.checked && keep({ ...entry, name: name.value.trim() });
    problem.hidden = isKept || !box.checked;
    naming.hidden = !isKept;
    if (box.checked) return;
    forget(entry.id);
    stopKeeping();
  };
  box.checked = isKeeping();
  if (box.checked) changed();
  return h("div", { class: "keep" },
    h("label", { class: "check" }, box, t("made.keep")),
    h("p", { class: "hint" }, t("made.keep_hint")),
    problem, naming);
}

/** The list as a card, or null if there is none. */
export function madeCard() {
  let entries = madeHere();
  if (!entries.length) return null;
  const list = h("ul", { class: "list made" });
  const more = h("button", { type: "button", class: "button", onclick: () => show(entries.length) },
    t("made.more", { count: entries.length }));
  const node = h("section", { class: "card made-here", "aria-labelledby": "made" },
    h("h2", { id: "made" }, t("made.title")),
    h("p", { class: "hint" }, t("made.hint")),
    list,
    h("div", { class: "actions" }, more,
      h("button", { type: "button", class: "button quiet", onclick: () => clear() }, t("made.clear"))));
  /** @type {ReturnType<typeof row>[]} */
  let rows = [];
  /** @param {number} count */
  const show = (count) => {
    rows = entries.slice(0, count).map((entry) => row(entry, () => dropped(entry)));
    more.hidden = rows.length >= entries.length;
    replace(list, ...rows.map(({ node: item }) => item));
    update();
  };
  /** @param {MadeHere} entry */
  const dropped = (entry) => {
    const at = entries.findIndex(({ id }) => id === entry.id);
    forget(entry.id);
    entries = entries.filter(({ id }) => id !== entry.id);
    if (!entries.length) return node.remove();
    rows.splice(at, 1)[0].node.remove();
    more.hidden = rows.length >= entries.length;
    // The pressed button is gone, so the focus moves to its neighbour.
    return rows[Math.min(at, rows.length - 1)].node.querySelector("a")?.focus();
  };
  const clear = async () => {
    const isSure = await confirmDialog({
      title: t("made.clear_title"), text: t("made.clear_text"), yes: t("made.clear_yes"),
    });
    if (!isSure) return;
    forgetAll();
    node.remove();
  };
  // One after the other: a long list must not use up what the server allows one client.
  let isBusy = false;
  const update = async () => {
    if (isBusy || document.visibilityState === "hidden") return;
    isBusy = true;
    for (const { refresh } of rows) if (node.isConnected && !await refresh()) break;
    isBusy = false;
  };
  const timer = setInterval(() => {
    if (node.isConnected) update();
    else end();
  }, TICK_MS);
  const end = () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", update);
  };
  document.addEventListener("visibilitychange", update);
  // The card is on the page once this turn is over.
  setTimeout(() => show(SHOWN));
  return node;
}

/**
 * One secret of the list: `{ node, refresh() }`. `refresh` requests its state, and returns whether the server
 * can be asked for the next one.
 *
 * @param {MadeHere} entry
 * @param {() => void} onDrop
 */
function row(entry, onDrop) {
  const state = h("span", { class: "badge" }, t("made.loading"));
  const problem = h("div", { class: "problem" });
  const name = entry.name || t("made.unnamed", { date: shortDate(entry.made) });
  const headers = { "Manage-Token": entry.token };
  let isEnded = false;
  /**
   * @param {string} kind
   * @param {TextLike} text
   */
  const tell = (kind, text) => {
    state.className = `badge ${kind}`;
    write(state, text);
  };
  const over = () => {
    isEnded = true;
    remove.hidden = true;
  };
  const refresh = async () => {
    if (isEnded) return true;
    try {
      const { data } = await call("GET", `api/public/secrets/${entry.id}/status`, { headers });
      tell(...stateOf(data));
      if (isOver(data)) over();
    } catch (error) {
      const isGone = error instanceof ApiError && error.status === 404;
      tell(isGone ? "" : "warn", isGone ? t("made.gone") : t("made.unknown"));
      if (isGone) over();
      return isGone;
    }
    return true;
  };
  const burn = async () => {
    replace(problem);
    const isSure = await confirmDialog({
      title: t("made.burn_title"), text: t("made.burn_text"), yes: t("common.delete"),
    });
    if (!isSure) return;
    try {
      await call("DELETE", `api/public/secrets/${entry.id}`, { headers });
    } catch (error) {
      if (error.status !== 404) return void replace(problem, notice("bad", explain(error)));
    }
    tell("", t("made.gone"));
    over();
  };
  const remove = h("button", {
    type: "button", class: "button small danger",
  }, t("common.delete"));
  remove.addEventListener("click", () => busy(remove, burn));
  const node = h("li", {},
    h("span", { class: "grow" },
      h("a", { href: statusLink(entry) }, h("bdi", {}, name)), " ", state),
    h("div", { class: "row-actions" },
      copyButton(() => statusLink(entry), t("made.copy_status"), { class: "button small" }),
      remove,
      h("button", { type: "button", class: "button small quiet", onclick: onDrop }, t("made.forget"))),
    problem);
  return { node, refresh };
}

/**
 * The state of a secret in a few words, and its kind for the badge.
 *
 * @param {SentSecret} secret
 * @returns {[string, TextLike]}
 */
function stateOf({ view_times: times, max_views: max, expired, locked, views, expires_at: end }) {
  const last = views.at(-1);
  if (locked) return ["bad", t("made.locked")];
  if (times && last) {
    return [times >= max ? "ok" : "info", t("made.viewed", { times, max, date: date(last.viewed_at) })];
  }
  if (expired) return ["warn", t("made.expired")];
  return ["info", end ? t("made.waiting_until", { date: date(end) }) : t("made.waiting")];
}
