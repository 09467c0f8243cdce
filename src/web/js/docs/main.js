// @ts-check
// The page about the APIs, made from openapi.json.
import { call, explain } from "../common/api.js";
import { rich } from "./text.js";
import { fieldsOf, parametersOf, resolve } from "./schema.js";
import { tryForm } from "./try.js";
import { $, copyButton, h, notice, replace } from "../common/dom.js";
import { joined, write } from "../common/live.js";
import { freshOnReturn, pageDir, pageLang, root, start, t } from "../common/page.js";
import { getKey, setKey, signOut } from "../common/session.js";

const METHODS = ["get", "head", "post", "put", "patch", "delete"];

start();
freshOnReturn();
const app = $("#app");
try {
  show(await call("GET", "openapi.json"));
} catch (error) {
  replace(app, notice("bad", explain(error)));
}
app.removeAttribute("aria-busy");

/** @param {Api} api */
function show(api) {
  const operations = Object.entries(api.paths).flatMap(([path, methods]) => METHODS
    .filter((method) => methods[method])
    .map((method) => ({ ...methods[method], path, method: method.toUpperCase() })));
  const filter = h("input", { type: "search", id: "filter", autocomplete: "off", spellcheck: "false" });
  const groups = api.tags
    .map((tag) => group(api, tag, operations.filter(({ tags }) => tags[0] === tag.name)));
  const nothing = h("p", { class: "muted", hidden: true, role: "status", lang: pageLang, dir: pageDir },
    t("docs.no_match"));
  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = groups.map(({ match }) => match(words));
    nothing.hidden = shown.some(Boolean);
  });
  replace(app,
    h("div", { class: "card", lang: pageLang, dir: pageDir },
      keyField(),
      h("div", { class: "field" }, h("label", { for: "filter" }, t("docs.filter")), filter)),
    h("nav", { "aria-label": t("docs.contents"), lang: pageLang, dir: pageDir },
      h("ul", { class: "toc" }, api.tags.map(({ name }) => h("li", {},
        h("button", {
          type: "button", class: "button quiet small", lang: "en", dir: "ltr", onclick: () => goTo(name),
        }, name))))),
    h("details", { class: "card" }, h("summary", {}, t("docs.rules")), rich(api.info.description)),
    nothing, groups.map(({ node }) => node));
}

/** @param {string} name */
function goTo(name) {
  const heading = $(`#${anchor(name)}`);
  heading.scrollIntoView();
  heading.focus();
}

/** @param {string} name */
function anchor(name) {
  return `tag-${name.toLowerCase().replace(/\W+/g, "-")}`;
}

/**
 * The operations of one tag. `match(words)` hides those without all of the words, and returns whether any is
 * left.
 *
 * @param {Api} api
 * @param {Api["tags"][0]} tag
 * @param {Operation[]} operations
 */
function group(api, tag, operations) {
  const items = operations.map((operation) => {
    const { method, path, summary, description = "" } = operation;
    return { node: item(api, operation), text: `${method} ${path} ${summary} ${description}`.toLowerCase() };
  });
  const node = h("section", { class: "card" },
    h("h2", { id: anchor(tag.name), tabindex: "-1" }, tag.name), rich(tag.description ?? ""),
    items.map((item) => item.node));
  /** @param {string[]} words */
  const match = (words) => {
    for (const { node, text } of items) node.hidden = !words.every((word) => text.includes(word));
    node.hidden = items.every((item) => item.node.hidden);
    return !node.hidden;
  };
  return { node, match };
}

/**
 * @param {Api} api
 * @param {Operation} operation
 */
function item(api, operation) {
  const { method, path, summary } = operation;
  const place = h("div");
  const node = h("details", { class: "operation", id: operation.operationId },
    h("summary", {},
      h("span", { class: "method mono" }, method), h("span", { class: "mono" }, path),
      h("span", { class: "muted" }, summary)),
    place);
  // Details are built on demand, because there are many.
  node.addEventListener("toggle", () => {
    if (node.open && !place.firstChild) replace(place, details(api, operation));
  });
  return node;
}

/**
 * @param {Api} api
 * @param {Operation} operation
 */
function details(api, operation) {
  const body = operation.requestBody && resolve(api, operation.requestBody);
  const answers = Object.entries(operation.responses)
    .map(([status, answer]) => ({ status, answer: resolve(api, answer) }));
  const good = answers.filter(({ status }) => status < "400");
  const bad = answers.filter(({ status }) => status >= "400");
  return [
    rich(operation.description ?? ""),
    h("p", { class: "muted" }, keys(operation)),
    parametersOf(api, operation),
    body ? [h("h3", {}, "Body"), bodies(api, body)] : null,
    h("h3", {}, "Answers"),
    h("dl", { class: "fields" }, good.map(({ status, answer }) => [
      h("dt", {}, h("code", {}, status)),
      h("dd", {}, rich(answer.description ?? ""), headersOf(api, answer), bodies(api, answer)),
    ])),
    h("details", {}, h("summary", {}, "Errors"),
      h("dl", { class: "fields" }, bad.map(({ status, answer }) => [
        h("dt", {}, h("code", {}, status)), h("dd", {}, rich(answer.description ?? "")),
      ]))),
    h("h3", {}, "Examples"),
    (operation["x-codeSamples"] ?? []).map(sample),
    tryForm(api, operation),
  ];
}

/**
 * The API keys that an operation accepts.
 *
 * @param {Operation} operation
 */
function keys(operation) {
  const choices = operation.security ?? [];
  const names = choices.flatMap((choice) => Object.keys(choice));
  if (!names.length) return "No API key.";
  /** @type {Record<string, string>} */
  const words = { PrivateKey: "a private API key", PublicKey: "a public API key" };
  const optional = choices.some((choice) => !Object.keys(choice).length);
  return `${optional ? "Optional: " : "Needs "}${names.map((name) => words[name] ?? name).join(" or ")}.`;
}

/**
 * @param {Api} api
 * @param {ApiBody} answer
 */
function headersOf(api, answer) {
  const headers = Object.entries(answer.headers ?? {});
  if (!headers.length) return null;
  return h("dl", { class: "fields" }, headers.map(([name, header]) => [
    h("dt", {}, h("code", {}, name)), h("dd", {}, rich(resolve(api, header).description ?? "")),
  ]));
}

/**
 * @param {Api} api
 * @param {ApiBody} body
 */
function bodies(api, { content = {} }) {
  return Object.entries(content).map(([type, { schema, example, examples }]) => {
    const value = example ?? Object.values(examples ?? {})[0]?.value;
    return h("div", {},
      h("p", {}, h("code", {}, type)),
      schema ? fieldsOf(api, schema) : null,
      value === undefined ? null
        : h("pre", { tabindex: "0" }, typeof value === "string" ? value : JSON.stringify(value, null, 2)));
  });
}

/**
 * An example with the address of this server.
 *
 * @param {{ label: string, source: string }} options
 */
function sample({ label, source }) {
  const here = root.replace(/\/$/, "");
  const text = source.replaceAll("$SEALDROP", here);
  return h("div", {},
    h("p", { class: "row" }, h("span", { class: "muted" }, label),
      copyButton(() => text, t("common.copy"), {
        class: "button small", "aria-label": joined([t("common.copy"), label], ": "), lang: pageLang,
      })),
    h("pre", { tabindex: "0" }, text));
}

/** The key for trying calls. */
function keyField() {
  const control = h("input", {
    type: "password", id: "key", autocomplete: "off", "data-fleeting": true, spellcheck: "false",
    value: getKey() ?? "",
  });
  const problem = h("p", { class: "error", role: "alert" });
  control.addEventListener("input", () => {
    const key = control.value.trim();
    problem.textContent = "";
    try {
      if (key) setKey(key);
      else signOut();
    } catch {
      write(problem, t("docs.no_storage"));
    }
  });
  return h("div", { class: "field" }, h("label", { for: "key" }, t("docs.key")), control,
    h("p", { class: "hint" }, t("docs.key_hint")), problem);
}
