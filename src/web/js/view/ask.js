// @ts-check
// The page before a secret is opened: its properties, and the fields for a password or captcha. Only the
// button spends a view.

import { ApiError, call, explain, Offline } from "../common/api.js";
import { solve } from "../crypto/captcha.js";
import { announce, busy, h, notice, replace } from "../common/dom.js";
import { write } from "../common/live.js";
import { bytes, date, siteName, t } from "../common/page.js";
import { passwordField } from "../common/password.js";
import { typedPassword } from "../common/typed.js";
import { openedSize } from "../crypto/stream.js";
import { card } from "./ends.js";

/**
 * `secret` is the server's description. `onOpen({ password, captcha })` opens the secret and shows it, or
 * throws ApiError or Offline. `refuses()` may show another page instead.
 *
 * @param {PublicSecret} secret
 * @param {{ onOpen: (proofs: Proofs) => Promise<void>, refuses: () => boolean }} actions
 */
export function askPage(secret, { onOpen, refuses }) {
  const password = secret.password ? passwordField({
    label: t("view.password"), hint: t("view.password_hint"), generator: false, autocomplete: "off",
  }) : null;
  const robot = secret.captcha ? new Robot() : null;
  const problem = h("div", { class: "problem" });
  const button = h("button", { class: "button primary big" }, t("view.open"));
  const counts = secret.view_button
    && h("p", { class: "counts" }, t("view.button_counts", { count: secret.views_left }));

  /** @param {...TextLike} text */
  const refuse = (...text) => replace(problem, notice("bad", ...text));
  /** @param {Error & { status?: number, field?: string | null }} error */
  const refused = (error) => {
    if (error instanceof Offline) return refuse(t("view.answer_lost"));
    if (error instanceof RobotFailed) return refuse(t("view.robot_failed"));
    // A new captcha was already tried: see withCaptcha.
    if (error.field === "captcha") return refuse(t("view.robot_failed"));
    if (error.status !== 403 || error.field !== "password" || !password) return refuse(explain(error));
    if (/locked/.test(error.message)) {
      button.disabled = true;
      return refuse(t("view.locked"));
    }
    password.setError(t("view.password_wrong"));
    password.control.select();
    return password.control.focus();
  };
  const open = async () => {
    if (refuses()) return undefined;
    replace(problem);
    if (password && !typedPassword(password.value)) {
      password.setError(t("view.password_empty"));
      return password.control.focus();
    }
    announce(t("view.opening"));
    try {
      // The password as it was typed: the server may have hashed exactly this.
      const typed = password ? { password: password.value } : {};
      await withCaptcha(robot, (captcha) => onOpen({ ...typed, ...captcha }));
    } catch (error) {
      refused(error);
    }
    return undefined;
  };
  const form = h("form", { novalidate: true, autocomplete: "off" },
    password?.node, robot?.node, counts, problem,
    h("div", { class: "actions" }, button));
  // Scanners that run scripts call click() or requestSubmit(); those events are not trusted.
  let byPerson = false;
  /** @param {Event} event */
  const note = (event) => { byPerson = event.isTrusted; };
  button.addEventListener("click", note);
  password?.control.addEventListener("keydown", (event) => event.key === "Enter" && note(event));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (byPerson) busy(button, open);
    byPerson = false;
  });
  return card(t("view.title"), ...introduction(secret), facts(secret), form, explanation());
}

/**
 * Who sent it, and what they say before it is opened.
 *
 * @param {PublicSecret} secret
 */
function introduction({ sender, message }) {
  return [
    h("p", { class: "lead" }, sender
      ? t("view.lead_from", { sender: `\u2068${sender}\u2069`, site: siteName })
      : t("view.lead", { site: siteName })),
    message && h("blockquote", { class: "pre", dir: "auto", translate: "no" }, message),
  ];
}

/** What this is, for people who have never received a secret. */
function explanation() {
  return h("details", { class: "what-is-this" }, h("summary", {}, t("view.what")),
    h("p", {}, t("view.what_link", { site: siteName })),
    h("p", {}, t("view.what_click")),
    h("p", {}, t("view.what_doubt")));
}

/** @param {PublicSecret} secret */
function facts({ views_left: left, expires_at: end, attachments }) {
  const size = attachments.reduce((sum, { size }) => sum + (openedSize(size) ?? size), 0);
  return h("ul", { class: "facts", "aria-label": t("view.about") },
    h("li", {}, t("view.views_left", { count: left })),
    h("li", {}, end ? t("view.until", { date: date(end) }) : t("view.for_ever")),
    attachments.length > 0
      && h("li", {}, t("view.with_files", { count: attachments.length, size: bytes(size) })),
    h("li", {}, t("view.sender_sees")),
    h("li", {}, t("view.not_yet")));
}

/**
 * Runs `work` with a solved captcha, if one is needed. An expired one is solved again, once.
 *
 * @param {Robot | null} robot
 * @param {(proof: { captcha?: string }) => Promise<void>} work
 */
async function withCaptcha(robot, work) {
  if (!robot) return work({});
  for (let again = true; ; again = false) {
    const captcha = await robot.solution();
    try {
      return await work({ captcha });
    } catch (error) {
      // The server has used up the captcha, or it has expired.
      if (error instanceof ApiError && [403, 422].includes(error.status)) robot.begin();
      if (!(again && error instanceof ApiError && error.field === "captcha")) throw error;
    }
  }
}

/** The proof of work. It starts at once, so that it is ready when the user is. */
class Robot {
  #bar = h("progress", { max: 1, value: 0, "aria-label": t("view.robot") });
  #state = h("p", { class: "hint" }, t("view.robot_hint"));
  /** @type {Promise<string> | undefined} */
  #solved;

  /** The visible part. */
  node = h("div", { class: "field robot" },
    h("p", { class: "label" }, t("view.robot")), this.#bar, this.#state);

  constructor() {
    this.begin();
  }

  begin() {
    this.#tell(t("view.robot_hint"), 0);
    const solved = this.#solve();
    solved.catch(() => {
      if (this.#solved === solved) this.#tell(t("view.robot_failed"), 0);
    });
    this.#solved = solved;
  }

  /** The solution for the server; tries again after a failure. */
  async solution() {
    try {
      return await this.#solved;
    } catch {
      this.begin();
      return await this.#solved;
    }
  }

  async #solve() {
    const challenge = await call("GET", "api/public/captcha");
    /** @param {number} share */
    const onProgress = (share) => { this.#bar.value = share; };
    const payload = await solve(challenge, { onProgress }).catch((cause) => {
      throw new RobotFailed("no proof of work", { cause });
    });
    this.#tell(t("view.robot_done"), 1);
    return payload;
  }

  /**
   * @param {TextLike} text
   * @param {number} share
   */
  #tell(text, share) {
    write(this.#state, text);
    this.#bar.value = share;
  }
}

/** The proof of work failed, for example because a script did not load. */
class RobotFailed extends Error {}
