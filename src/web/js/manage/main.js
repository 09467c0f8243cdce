// @ts-check
// The page of an account: sign-in, secrets, requests and settings, each in a tab that the fragment names.
import { $, arrowKeys, h, notice, replace } from "../common/dom.js";
import { whenKeyGone } from "./call.js";
import { requestsPanel } from "./requests.js";
import { secretList } from "./secrets.js";
import { settingsPanel } from "./settings.js";
import { freshOnReturn, start, t } from "../common/page.js";
import { getKey, signOut } from "../common/session.js";
import { signInCard } from "../common/sign_in.js";

const TABS = ["secrets", "requests", "account"];
const TITLES = [t("manage.tab_secrets"), t("manage.tab_requests"), t("manage.tab_account")];
const app = $("#app");
/** @type {(name: string) => void} */
let choose = () => {};

start();
freshOnReturn();
window.addEventListener("hashchange", () => choose(named()));
whenKeyGone(() => leave("warn", t("manage.key_gone")));
if (getKey()) account();
else signIn();

/** The tab in the address. */
function named() {
  return TABS.find((name) => location.hash === `#${name}`) ?? TABS[0];
}

/**
 * @param {string} kind
 * @param {TextLike} text
 */
function leave(kind, text) {
  signOut();
  // An open dialog is about something that this page no longer shows.
  for (const dialog of document.querySelectorAll("dialog")) dialog.remove();
  signIn(notice(kind, text));
}

/** @param {...Node} notes */
function signIn(...notes) {
  choose = () => {};
  const card = signInCard({
    title: t("manage.sign_in"), text: t("manage.sign_in_text"), onSignedIn: () => {
      account();
      $("h1", app).focus();
    },
  });
  replace(app, h("div", { class: "narrow" }, ...notes, card));
  if (notes.length) $("h1", app).focus();
}

function account() {
  const secrets = secretList();
  /** @type {Record<string, { node: HTMLElement, load(): unknown }>} */
  const panels = {
    secrets,
    requests: requestsPanel((id) => {
      show("secrets", { isFocused: true });
      secrets.search(id);
    }),
    account: settingsPanel(),
  };
  const tabs = TABS.map((name, index) => h("button", {
    type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`, "data-name": name,
    onclick: () => show(name),
  }, TITLES[index]));
  const bodies = TABS.map((name) => h("section", {
    role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}`, tabindex: "-1", hidden: true,
  }, panels[name].node));
  const list = h("div", {
    class: "choice tabs", role: "tablist", "aria-label": t("manage.tabs"), onkeydown: (event) => {
      const at = tabs.findIndex((tab) => tab === document.activeElement);
      const [next, previous] = arrowKeys();
      const to = new Map([
        [next, at + 1], [previous, at - 1], ["Home", 0], ["End", tabs.length - 1],
      ]).get(event.key);
      if (at < 0 || to === undefined) return;
      event.preventDefault();
      const place = (to + tabs.length) % tabs.length;
      show(TABS[place]);
      tabs[place].focus();
    },
  }, ...tabs);

  /** @type {string | null} */
  let shown = null;
  choose = (name) => {
    if (name === shown) return;
    shown = name;
    for (const tab of tabs) {
      const isChosen = tab.dataset.name === name;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
    }
    for (const body of bodies) body.hidden = body.id !== `panel-${name}`;
    // This loads changes that were made elsewhere.
    panels[name].load();
  };
  /**
   * @param {string} name
   * @param {{ isFocused?: boolean }} options
   */
  const show = (name, { isFocused = false } = {}) => {
    if (named() !== name) location.hash = name;
    choose(name);
    if (isFocused) tabs[TABS.indexOf(name)].focus();
  };

  replace(app,
    h("div", { class: "head" },
      h("h1", { tabindex: "-1" }, t("manage.title")),
      h("button", {
        type: "button", class: "button small", onclick: () => leave("ok", t("manage.signed_out")),
      }, t("manage.sign_out"))),
    list, ...bodies);
  choose(named());
}
