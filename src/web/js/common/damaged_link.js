// @ts-check
// Links to secrets and boxes that were damaged, so that they lead to another page. The page repairs the link,
// or asks for the whole one. link_parts.js does the repair.
import { $, field, h, replace } from "./dom.js";
import { fragmentOf, pageOfAddress, partsOfAddress, partsOfText } from "./link_parts.js";
import { root, t } from "./page.js";

/** A path that is almost as long as an id. */
const CUT_ID = /^[0-9A-Za-z]{20,40}$/;
/** A part of an id; shorter words are something else. */
const WORD = /^[0-9A-Za-z]{8,}[^0-9A-Za-z]*$/;

/**
 * Opens the page that a damaged address names, or shows in `app` that the link is damaged. Returns false for
 * any other address.
 *
 * @param {HTMLElement} app
 */
export function handleDamagedLink(app) {
  const found = pageOfAddress(location);
  if (found) {
    location.replace(addressOf(found));
    return true;
  }
  if (!looksDamaged()) return false;
  replace(app, damagedPage());
  $("h1", app).focus();
  return true;
}

/** @param {{ page: string | null, id: string, behind: string }} options */
function addressOf({ page, id, behind }) {
  if (page === "status") {
    const [token = ""] = /[0-9a-f]{64}/i.exec(behind) ?? [];
    return `${root}status/${id}${token && `#${token}`}`;
  }
  if (page) return `${root}${page}/${id}`;
  const { publicHalf } = partsOfAddress(location);
  return secretAddress({ id, publicHalf });
}

/** @param {{ id: string | null, publicHalf: string | null }} options */
function secretAddress({ id, publicHalf }) {
  return `${root}${id}/${publicHalf ? `#${fragmentOf(publicHalf)}` : ""}`;
}

/** Whether this was the link of a secret: other wrong addresses have no fragment and no word as query. */
function looksDamaged() {
  const words = location.search.slice(1).split("&").map((word) => word.replace(/=$/, ""));
  const segment = location.href.slice(root.length).split(/[/?#]/)[0];
  return location.hash.length > 1 || words.some((word) => WORD.test(word)) || CUT_ID.test(segment);
}

function damagedPage() {
  const control = h("textarea", {
    class: "mono key", rows: 3, "data-fleeting": true, autocomplete: "off", spellcheck: "false",
    autocapitalize: "none", translate: "no",
  });
  const { node, setError } = field(t("damaged.field"), control, t("damaged.hint"));
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    const parts = partsOfText(control.value);
    if (parts.id) return location.assign(secretAddress(parts));
    setError(t("damaged.none"));
    return control.focus();
  };
  control.addEventListener("input", () => setError(""));
  return h("section", { class: "card" },
    h("h1", { tabindex: "-1" }, t("damaged.title")),
    h("p", {}, t("damaged.text")),
    h("form", { novalidate: true, onsubmit: submit }, node,
      h("div", { class: "actions" }, h("button", { class: "button primary" }, t("damaged.go")),
        h("a", { class: "button quiet", href: root }, t("damaged.home")))));
}
