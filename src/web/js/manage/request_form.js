// @ts-check
// The form of a new request, and the settings of the secrets that it receives.
import { ApiError } from "../common/api.js";
import { busy, field, h } from "../common/dom.js";
import { ask, attempt, sentence } from "./call.js";
import { expirationList } from "../common/expiration.js";
import { duration, t } from "../common/page.js";
import { passwordField } from "../common/password.js";
import { typedPassword } from "../common/typed.js";
import { focusWrong, shortText } from "../common/form.js";

const MAX_LIMIT = 1000;
const MAX_VIEWS = 100;

/**
 * The form; calls `onMade({ id, request_email })` after success.
 *
 * @param {{ onMade: (made: { id: string, request_email?: string }) => unknown,
 *   onCancel: () => void }} options
 */
export function requestForm({ onMade, onCancel }) {
  const fields = formFields();
  /** @type {Record<string, Field>} */
  const byName = fields;
  const mail = h("div", { class: "row", hidden: true },
    fields.send_request_to_email.node, fields.send_to_email.node);
  const noMail = h("p", { class: "hint", hidden: true }, t("manage.no_mail"));
  const problem = h("div", {});
  const submit = h("button", { type: "submit", class: "button primary" }, t("manage.request_submit"));
  const form = h("form", {
    class: "card new-request", novalidate: true, autocomplete: "off", onsubmit: (event) => {
      event.preventDefault();
      busy(submit, send);
    },
  }, h("h2", { tabindex: "-1" }, t("manage.new_request")),
  fields.description.node, fields.message.node,
  h("div", { class: "row" }, fields.expiration.node, fields.limit.node),
  mail, noMail,
  h("details", {}, h("summary", {}, t("manage.more")),
    h("p", { class: "hint" }, t("manage.more_hint")),
    fields.secret_description.node, fields.secret_message.node,
    h("div", { class: "row" }, fields.secret_expiration.node, fields.secret_max_views.node),
    fields.secret_password.node),
  problem,
  h("div", { class: "actions" }, submit,
    h("button", { type: "button", class: "button", onclick: onCancel }, t("common.cancel"))));

  const send = async () => {
    for (const { setError } of Object.values(fields)) setError("");
    if (!check(fields)) return focusWrong(form);
    const body = Object.fromEntries(Object.entries(fields)
      .map(([name, { control }]) => [name, control.value.trim()])
      .filter(([, value]) => value !== ""));
    await attempt(problem, async () => {
      try {
        const { data } = await ask("POST", "api/secret_requests", { body });
        await onMade({ id: data.id, request_email: body.send_request_to_email });
      } catch (error) {
        const wrong = error instanceof ApiError && error.field !== null && byName[error.field];
        if (!wrong) throw error;
        wrong.setError(wrongText(error));
        focusWrong(form);
      }
    }, t("manage.request_limit"));
    return undefined;
  };

  // The account tells whether the server can send mails.
  ask("GET", "api/account").then(({ data }) => {
    mail.hidden = !data.mail_ready;
    noMail.hidden = data.mail_ready;
  }, (error) => sentence(error));
  return form;
}

function formFields() {
  /** @param {number} max */
  const number = (max) => h("input", {
    type: "number", min: 1, max, step: 1, value: 1, inputmode: "numeric", autocomplete: "off",
  });
  const email = () => h("input", {
    type: "email", autocomplete: "off", autocapitalize: "none", spellcheck: "false", maxlength: 254,
  });
  const expiration = expirationList();
  expiration.control.addEventListener("input", expiration.tell);
  expiration.tell();
  return {
    description: shortText(t("manage.description"), t("manage.description_hint")),
    message: shortText(t("manage.message"), t("manage.message_hint")),
    expiration,
    limit: field(t("manage.limit"), number(MAX_LIMIT), t("manage.limit_hint")),
    send_request_to_email: field(t("manage.mail_request"), email(), t("manage.mail_request_hint")),
    send_to_email: field(t("manage.mail_link"), email(), t("manage.mail_link_hint")),
    secret_description: shortText(t("manage.secret_description"), t("manage.description_hint")),
    secret_message: shortText(t("manage.secret_message")),
    secret_expiration: expirationList({
      label: t("manage.secret_expiration"), hint: t("manage.secret_expiration_hint"),
    }),
    secret_max_views: field(t("manage.secret_max_views"), number(MAX_VIEWS), t("create.views_hint")),
    secret_password: passwordField({
      label: t("manage.secret_password"), hint: t("manage.secret_password_hint"),
    }),
  };
}

/**
 * Marks invalid fields; true if there are none.
 *
 * @param {ReturnType<typeof formFields>} fields
 */
function check(fields) {
  /**
   * @param {Field} made
   * @param {number} max
   */
  const isCount = ({ control: { value } }, max) =>
    /^\d+$/.test(value) && Number(value) >= 1 && Number(value) <= max;
  const { description, message, secret_description, secret_message } = fields;
  const right = [description, message, secret_description, secret_message].map((text) => text.check());
  /**
   * @param {Field<HTMLElement>} made
   * @param {boolean} isRight
   * @param {TextLike} text
   */
  const mark = (made, isRight, text) => {
    if (!isRight) made.setError(text);
    right.push(isRight);
  };
  mark(fields.limit, isCount(fields.limit, MAX_LIMIT), t("manage.wrong_limit"));
  mark(fields.secret_max_views, isCount(fields.secret_max_views, MAX_VIEWS), t("send.wrong.max_views"));
  const { value } = fields.secret_password;
  mark(fields.secret_password, !value || typedPassword(value) !== "", t("send.wrong.blank_password"));
  return right.every(Boolean);
}

/** @param {ApiError} error */
function wrongText(error) {
  if (error.status === 429) {
    return t("manage.wrong_mail_often", { wait: duration(error.retryAfter ?? 3600) });
  }
  switch (error.field) {
    case "expiration":
    case "secret_expiration": return t("manage.wrong_expiration");
    case "limit": return t("manage.wrong_limit");
    case "send_request_to_email":
    case "send_to_email": return t("manage.email_wrong");
    case "secret_max_views": return t("send.wrong.max_views");
    case "secret_password": return t("send.wrong.password");
    default: return t("manage.wrong_description");
  }
}
