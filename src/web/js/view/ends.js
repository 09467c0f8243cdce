// @ts-check
// The pages without the secret: loading, gone, deleted, cleared, damaged, no connection.

import { h } from "../common/dom.js";
import { siteName, t } from "../common/page.js";

/**
 * A card with a heading that can get the focus.
 *
 * @param {TextLike} title
 * @param {...Child} children
 */
export function card(title, ...children) {
  return h("section", { class: "card view" }, h("h1", { tabindex: "-1" }, title), ...children);
}

/** The page before the answer of the server. */
export function loadingPage() {
  return card(t("view.title"),
    h("p", { class: "lead" }, t("view.lead", { site: siteName })),
    h("p", { class: "muted", role: "status" }, t("view.loading")));
}

/** Unknown, expired and used up look the same to a viewer. `mine`: the secret was opened in this tab. */
export function gonePage({ mine = false } = {}) {
  return card(t("view.gone"),
    h("p", {}, t(mine ? "view.gone_mine" : "view.gone_text")),
    h("h2", {}, t("view.what_now")),
    h("ul", {},
      h("li", {}, t("view.gone_ask")),
      !mine && h("li", {}, t("view.gone_warn")),
      !mine && h("li", {}, t("view.gone_link"))));
}

/** The viewer has deleted the secret. */
export function burnedPage() {
  return card(t("view.burned"), h("p", {}, t("view.burned_text")));
}

/** The viewer has returned the lease, and others can still view the secret. */
export function leftPage() {
  return card(t("view.left"), h("p", {}, t("view.left_text")));
}

/** No key opens the stored data. */
export function damagedPage() {
  return card(t("view.damaged"), h("p", {}, t("view.damaged_text")));
}

/**
 * The page has removed the secret. During the lease `onAgain` fetches it again; `onLook` starts again.
 *
 * @param {{ lease: Lease, onAgain: () => void, onLook: () => void }} options
 */
export function clearedPage({ lease, onAgain, onLook }) {
  const page = card(t("view.cleared"), h("p", {}, t("view.cleared_text")));
  if (lease.secondsLeft > 0) {
    page.append(h("div", { class: "actions" },
      h("button", { type: "button", class: "button primary", onclick: onAgain }, t("view.load_again"))));
  } else if (lease.viewsLeft) {
    page.append(
      h("p", {}, t("view.cleared_views", { count: lease.viewsLeft })),
      h("div", { class: "actions" }, h("button", {
        type: "button", class: "button", onclick: () => { lease.forget(); onLook(); },
      }, t("view.back"))));
  } else {
    page.append(h("p", {}, t("view.cleared_over")));
  }
  return page;
}

/**
 * A temporary problem.
 *
 * @param {{ title: TextLike, text: TextLike, retry: () => void }} options
 */
export function troublePage({ title, text, retry }) {
  return card(title, h("p", { role: "alert" }, text), h("div", { class: "actions" },
    h("button", { type: "button", class: "button primary", onclick: retry }, t("view.retry"))));
}
