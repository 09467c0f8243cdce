// @ts-check
// The pages of boxes: `/box` creates a box or opens the page of one; `/box/<token>` sends to it and reads it.
import { $, arrowKeys, field, h, notice, replace } from "../common/dom.js";
import { config, freshOnReturn, root, start, t } from "../common/page.js";
import { write } from "../common/live.js";
import { createForm } from "./create.js";
import { readForm } from "./read.js";
import { sendForm } from "./send.js";
import { boxLink, explainBox, findToken, isKnown, termsOf } from "./service.js";

start();
freshOnReturn();

const app = $("#app");
const token = /\/box\/([0-9A-Za-z]{31})$/.exec(location.pathname)?.[1] ?? "";
if (token) showBox();
else showBoxes();

function showBoxes() {
  const input = h("input", {
    type: "text", class: "mono", autocomplete: "off", spellcheck: "false", autocapitalize: "none",
    translate: "no", "data-fleeting": true,
  });
  const which = field(t("box.which"), input, t("box.which_hint"));
  /** @param {Event} event */
  const go = (event) => {
    event.preventDefault();
    const found = findToken(input.value);
    which.setError(found ? "" : t("box.which_wrong"));
    if (found) location.assign(boxLink(found));
    else input.focus();
  };
  const find = h("form", { class: "card", novalidate: true, onsubmit: go },
    h("h2", { class: "first" }, t("box.find_title")), which.node,
    h("div", { class: "actions" }, h("button", { type: "submit", class: "button" }, t("box.go"))));
  replace(app,
    h("h1", {}, t("box.heading")),
    h("p", { class: "lead" }, t("box.lead")),
    ...(config.boxes === "off" ? [find, createForm()] : [createForm(), find]));
}

async function showBox() {
  const title = h("h1", { tabindex: -1 }, t("box.heading_one"));
  const place = h("div", {}, h("p", { class: "muted", role: "status" }, t("box.loading")));
  replace(app, title, h("p", { class: "token mono muted", translate: "no" }, token), place);
  try {
    const terms = await termsOf(token);
    showTabs(place, terms);
  } catch (error) {
    if (isKnown(error, "box.error_no_box")) return showNoBox(title);
    replace(place, h("div", { class: "card" }, notice("bad", explainBox(error)),
      h("div", { class: "actions" },
        h("button", { type: "button", class: "button primary", onclick: showBox }, t("box.again")))));
  }
}

/** @param {HTMLElement} title */
function showNoBox(title) {
  write(title, t("box.none_title"));
  replace(app, h("div", { class: "card" }, title, h("p", {}, t("box.none_text")),
    h("p", { class: "mono muted", translate: "no" }, token),
    h("div", { class: "actions" }, h("a", { class: "button", href: `${root}box` }, t("box.to_boxes")))));
  title.focus();
}

/**
 * Two tabs (WAI-ARIA: the arrow keys select a tab and show it at once).
 *
 * @param {HTMLElement} place
 * @param {Terms} terms
 */
function showTabs(place, terms) {
  /**
   * @param {string} name
   * @param {Node} content
   */
  const panel = (name, content) =>
    h("div", { role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}` }, content);
  /** @type {Record<string, HTMLElement>} */
  const panels = { send: panel("send", sendForm(token, terms)), open: panel("open", readForm(token, terms)) };
  const names = Object.keys(panels);
  const tabs = names.map((name) => h("button", {
    type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`,
    onclick: () => choose(name),
  }, t(`box.tab_${name}`)));
  /** @param {string} chosen */
  const choose = (chosen) => {
    names.forEach((name, at) => {
      tabs[at].setAttribute("aria-selected", String(name === chosen));
      tabs[at].tabIndex = name === chosen ? 0 : -1;
      panels[name].hidden = name !== chosen;
    });
  };
  /** @param {KeyboardEvent} event */
  const move = (event) => {
    const at = tabs.findIndex((tab) => tab === document.activeElement);
    const [next, previous] = arrowKeys();
    const to = new Map([
      [next, at + 1], [previous, at - 1 + names.length], ["Home", 0], ["End", names.length - 1],
    ]).get(event.key);
    if (to === undefined) return;
    event.preventDefault();
    choose(names[to % names.length]);
    tabs[to % names.length].focus();
  };
  const about = { class: "choice tabs", role: "tablist", "aria-label": t("box.tabs"), onkeydown: move };
  const list = h("div", about, ...tabs);
  place.addEventListener("boxgone", () => {
    list.remove();
    panels.send.remove();
  });
  choose("send");
  replace(place, list, h("div", { class: "card" }, panels.send, panels.open));
}
