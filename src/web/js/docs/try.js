// @ts-check
// Tries a call on this server: a form made from its description, and the answer.
import { Offline, explain } from "../common/api.js";
import { parameters, resolve } from "./schema.js";
import { announce, busy, field, h, notice, replace } from "../common/dom.js";
import { live } from "../common/live.js";
import { bytes, pageDir, pageLang, root, t } from "../common/page.js";
import { getKey } from "../common/session.js";
import { settle } from "../common/stakes.js";

/** The longest answer that is shown, in characters. */
const MAX_SHOWN = 20_000;

/**
 * A form that calls an operation and shows the answer.
 *
 * @param {Api} api
 * @param {Operation} operation
 */
export function tryForm(api, operation) {
  const inputs = parameters(api, operation).map((parameter) => {
    // Ids and tokens in examples do not exist, so only other values are filled in.
    const isNumber = parameter.in === "path" && parameter.schema?.type === "integer";
    const value = String(isNumber ? parameter.example ?? "" : "");
    const control = h("input", { autocomplete: "off", spellcheck: "false", class: "mono", value });
    return { parameter, ...field(labelOf(parameter), control) };
  });
  const body = bodyFields(api, operation);
  const result = h("div", { "aria-live": "polite" });
  const send = h("button", { type: "submit", class: "button primary" }, t("docs.send"));
  const form = h("form", { class: "try", lang: pageLang, dir: pageDir, novalidate: true },
    h("h3", {}, t("docs.try")),
    inputs.map(({ node }) => node), body.node, send, result);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busy(send, async () => {
      const missing = inputs.filter(({ parameter, control }) => parameter.required && !control.value);
      for (const { setError } of inputs) setError("");
      for (const { setError } of missing) setError(t("docs.required"));
      if (missing.length) return missing[0].control.focus();
      settle(form);
      return replace(result, await attempt(operation, inputs, body));
    });
  });
  return form;
}

/**
 * A parameter with its field, and the body with the function that reads it.
 *
 * @typedef {{ parameter: Parameter } & Field<HTMLInputElement>} TriedInput
 * @typedef {(headers: Headers) => BodyInit | undefined} ReadBody
 * @typedef {{ node: Child, read: ReadBody }} TriedBody
 */

/** @param {Parameter} parameter */
function labelOf({ name, required }) {
  return required ? name : live(() => `${name} (${t("docs.optional")})`);
}

/**
 * @param {Operation} operation
 * @param {TriedInput[]} inputs
 * @param {TriedBody} body
 */
async function attempt(operation, inputs, body) {
  const query = new URLSearchParams();
  const headers = new Headers();
  let path = operation.path.slice(1);
  for (const { parameter, control, setError } of inputs) {
    const value = control.value;
    if (!value) continue;
    try {
      if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(value));
      else if (parameter.in === "query") query.set(parameter.name, value);
      else headers.set(parameter.name, utf8Bytes(value));
    } catch {
      setError(t("docs.not_a_header"));
      return [];
    }
  }
  const key = getKey();
  if (operation.security?.length && key) headers.set("Authorization", `ApiKey ${key}`);
  const sent = body.read(headers);
  const address = `${root}${path}${query.toString() && `?${query}`}`;
  try {
    const response = await fetch(address, {
      method: operation.method, headers, body: sent, credentials: "omit", cache: "no-store",
    });
    return shown(operation, address, response, await response.blob());
  } catch (error) {
    return [notice("bad", error instanceof TypeError ? explain(new Offline(error)) : String(error))];
  }
}

/**
 * A header value: browsers send one byte for each character, and ours are UTF-8.
 *
 * @param {string} text
 */
function utf8Bytes(text) {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

/**
 * @param {Operation} operation
 * @param {string} address
 * @param {Response} response
 * @param {Blob} blob
 */
async function shown(operation, address, response, blob) {
  const status = `${response.status} ${response.statusText}`;
  announce(status);
  const type = response.headers.get("Content-Type") ?? "";
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  /** @type {TextLike} */
  let text = t("docs.binary", { size: bytes(blob.size) });
  if (/json|xml|text|pem/.test(type) || !blob.size) {
    const start = await blob.slice(0, MAX_SHOWN).text();
    if (blob.size > MAX_SHOWN) text = `${start}\n…`;
    else text = type.includes("json") ? pretty(start) : start;
  }
  return [
    h("h3", {}, status),
    h("p", { class: "mono small" }, `${operation.method} ${address}`),
    h("details", {}, h("summary", {}, t("docs.headers")), h("pre", { tabindex: "0" }, headers)),
    text ? h("pre", { tabindex: "0", translate: "no" }, text) : null,
  ];
}

/** @param {string} json */
function pretty(json) {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}

/**
 * The controls for a body: `{ node, read(headers) }`; `read` returns the body.
 *
 * @param {Api} api
 * @param {Operation} operation
 * @returns {TriedBody}
 */
function bodyFields(api, operation) {
  const content = operation.requestBody && resolve(api, operation.requestBody).content;
  if (!content) return { node: null, read: () => undefined };
  const types = Object.keys(content);
  const choice = h("select", {}, types.map((type) => h("option", { value: type }, type)));
  const place = h("div");
  /** @type {ReadBody} */
  let read = () => undefined;
  const change = () => {
    const type = choice.value;
    const made = type === "application/octet-stream" ? fileBody() : type === "application/json"
      ? jsonBody(example(content[type])) : formBody(api, type, content[type]);
    read = made.read;
    replace(place, made.node);
  };
  choice.addEventListener("change", change);
  change();
  return {
    node: h("div", {}, types.length > 1 ? field(t("docs.body_type"), choice).node : null, place),
    /** @param {Headers} headers */
    read: (headers) => read(headers),
  };
}

/** @param {Media} media */
function example({ example, examples }) {
  return example ?? Object.values(examples ?? {})[0]?.value ?? {};
}

/** @param {unknown} value */
function jsonBody(value) {
  const control = h("textarea", {
    class: "mono", spellcheck: "false", rows: 8, value: JSON.stringify(value, null, 2),
  });
  return {
    node: field(t("docs.body"), control).node,
    /** @param {Headers} headers */
    read: (headers) => {
      headers.set("Content-Type", "application/json");
      return control.value;
    },
  };
}

function fileBody() {
  const control = h("input", { type: "file" });
  return { node: field(t("docs.file"), control).node, read: () => control.files?.[0] ?? new Blob() };
}

/**
 * The fields of a form; binary ones are files.
 *
 * @param {Api} api
 * @param {string} type
 * @param {Media} media
 */
function formBody(api, type, media) {
  const filled = /** @type {Record<string, unknown>} */ (example(media));
  const properties = Object.entries(resolve(api, media.schema).properties ?? {});
  const rows = properties.map(([name, property]) => {
    const schema = resolve(api, property);
    const item = resolve(api, schema.items ?? schema);
    const isFile = item.contentMediaType !== undefined || item.format === "binary";
    const control = isFile ? h("input", { type: "file", multiple: schema.type === "array" })
      : h("input", { autocomplete: "off", spellcheck: "false", class: "mono" });
    // Ids from earlier calls stay empty.
    const value = filled[name];
    if (!isFile && typeof value === "string" && name !== "token") control.value = value;
    return { name, isFile, control, node: field(name, control).node };
  });
  return {
    node: rows.map(({ node }) => node),
    read: () => {
      const form = new FormData();
      for (const { name, isFile, control } of rows) {
        if (!isFile && control.value) form.append(name, control.value);
      }
      // Files go last: the server reads the token of a box before it takes files.
      for (const { name, isFile, control } of rows) {
        if (isFile) for (const file of control.files ?? []) form.append(name, file, file.name);
      }
      if (type === "multipart/form-data") return form;
      // These parameters cannot hold a file.
      return new URLSearchParams([...form].map(([name, value]) => [name, String(value)]));
    },
  };
}
