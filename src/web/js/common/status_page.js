// @ts-check
// What the status pages of a secret and of a request share: who reads the page, deletion, and the cards that
// take the place of the content. The manage token in the fragment, or the key of the account, identifies the
// reader.
import { ApiError, call, explain } from "./api.js";
import { $, busy, confirmDialog, h, notice, replace } from "./dom.js";
import { t } from "./page.js";
import { getKey, signOut } from "./session.js";
import { signInCard } from "./sign_in.js";

/** The parts after the #, also with characters that a mail program has added. */
const TOKEN = /(?<![0-9a-z])([0-9a-f]{64})(?![0-9a-z])/i;
const PRIVATE_KEY = /\.([\w-]{43})(?![\w-])/;

/** The manage token in the address, or "". Anything else, such as the key of a secret, is never sent. */
export function manageToken() {
  return TOKEN.exec(location.hash)?.[1] ?? "";
}

/** The private key for answers in the address, or "". It is never sent. */
export function privateKey() {
  return PRIVATE_KEY.exec(location.hash)?.[1] ?? "";
}

/**
 * The parts of the page about `id` of the collection `path` ("secrets"). `load()` loads its content again, and
 * `onGone()` is called when the content leaves the page.
 *
 * @param {{ path: string, id: string, title: TextLike, whose: TextLike, gone: TextLike,
 *   home: { href: string, text: TextLike }, load: () => unknown, onGone: () => void }} options
 */
export function statusPage({ path, id, title, whose, gone, home, load, onGone }) {
  const app = $("#app");

  /** How the reader calls the server: `path` and rights. */
  const asOwner = () => (manageToken()
    ? { path: `api/public/${path}/${id}`, headers: { "Manage-Token": manageToken() } }
    : { path: `api/${path}/${id}`, key: getKey() });

  /**
   * @param {TextLike} title
   * @param {...(Node | TextLike)} content
   */
  const card = (title, ...content) => {
    onGone();
    const heading = h("h1", { tabindex: "-1" }, title);
    replace(app, h("div", { class: "card" }, heading,
      ...content.map((part) => (part instanceof Node ? part : h("p", {}, part)))));
    heading.focus({ preventScroll: true });
  };

  const homeLink = () => h("div", { class: "actions" }, h("a", { class: "button", href: home.href }, home.text));

  const askForKey = () => {
    signOut();
    onGone();
    replace(app, signInCard({ title, text: whose, onSignedIn: load }));
  };

  const showGone = () => card(t("status.gone"), gone, homeLink());

  const showOver = () => {
    forgetAddress();
    showGone();
  };

  /** Removes the parts after the #, which are of no use any more, from the address; a reload then finds nothing. */
  const forgetAddress = () => {
    // Relative addresses would start from the <base>.
    if (location.hash) history.replaceState({ over: true }, "", location.pathname + location.search);
  };

  /** Whether this page has removed the token from the address, because nothing is left. */
  const isForgotten = () => !manageToken() && history.state?.over === true;

  /** @param {Error & { status?: number }} error */
  const isKeyGone = (error) => !manageToken() && error instanceof ApiError && [401, 403].includes(error.status);

  /** @param {Error & { status?: number }} error */
  const showError = (error) => {
    if (isKeyGone(error)) return askForKey();
    if (error.status === 404) return showOver();
    const again = h("button", { type: "button", class: "button primary" }, t("status.again"));
    again.addEventListener("click", () => busy(again, load));
    return card(title, notice("bad", explain(error)), h("div", { class: "actions" }, again));
  };

  /**
   * The buttons that load the content again and delete it, with a place for an error above them.
   *
   * @param {{ question: { title: TextLike, text: TextLike }, done: { title: TextLike, text: TextLike },
   *   isDeletable?: boolean }} options
   */
  const actions = ({ question, done, isDeletable = true }) => {
    const problem = h("div");
    const refresh = h("button", { type: "button", class: "button refresh" }, t("status.refresh"));
    refresh.addEventListener("click", () => busy(refresh, async () => {
      await load();
      // The pressed button is gone.
      if (!refresh.isConnected) $(".refresh", app)?.focus({ preventScroll: true });
    }));
    const remove = h("button", { type: "button", class: "button danger" }, t("status.burn"));
    remove.addEventListener("click", () => busy(remove, async () => {
      if (!await confirmDialog({ ...question, yes: t("status.burn") })) return;
      try {
        const { path, ...rights } = asOwner();
        await call("DELETE", path, rights);
      } catch (error) {
        if (isKeyGone(error)) return void askForKey();
        if (error.status !== 404) return void replace(problem, notice("bad", explain(error)));
      }
      forgetAddress();
      card(done.title, done.text, homeLink());
    }));
    return [problem, h("div", { class: "actions" }, refresh, isDeletable && remove)];
  };

  return { app, asOwner, askForKey, showGone, showOver, isForgotten, showError, actions };
}
