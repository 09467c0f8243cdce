// @ts-check
// Describes fields and parameters of a call from JSON Schema.
import { rich } from "./text.js";
import { h } from "../common/dom.js";

/**
 * Resolves a `$ref`; any other node is returned as it is.
 *
 * @template {{ $ref?: string }} N
 * @param {Api} api
 * @param {N} node
 * @returns {N}
 */
export function resolve(api, node) {
  if (!node?.$ref) return node;
  /** @type {any} */ // any part of the document
  let target = api;
  for (const name of node.$ref.split("/").slice(1)) {
    target = target[name.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  // Fields beside a reference override those of its target.
  return { ...resolve(api, target), ...node, $ref: undefined };
}

/**
 * The parameters of an operation.
 *
 * @param {Api} api
 * @param {Operation} operation
 */
export function parameters(api, operation) {
  return (operation.parameters ?? []).map((parameter) => resolve(api, parameter));
}

/**
 * A list of an operation's parameters, or null.
 *
 * @param {Api} api
 * @param {Operation} operation
 */
export function parametersOf(api, operation) {
  const all = parameters(api, operation);
  if (!all.length) return null;
  return [h("h3", {}, "Parameters"), h("dl", { class: "fields" }, all.map((parameter) => [
    h("dt", {}, h("code", {}, parameter.name),
      h("span", { class: "muted" }, [parameter.in, kind(api, resolve(api, parameter.schema)),
        parameter.required ? "required" : null].filter(Boolean).join(", "))),
    h("dd", {}, rich(parameter.description ?? "")),
  ]))];
}

/**
 * A list of the fields of a schema, with those of nested objects.
 *
 * @param {Api} api
 * @param {Schema} schema
 * @param {number} depth
 * @returns {HTMLElement | null}
 */
export function fieldsOf(api, schema, depth = 0) {
  const whole = merged(api, schema);
  if (whole.type === "array" || whole.items) {
    return depth < 4 ? fieldsOf(api, whole.items ?? {}, depth + 1) : null;
  }
  const properties = Object.entries(whole.properties ?? {});
  if (!properties.length) {
    return depth === 0 && whole.description ? h("div", {}, rich(whole.description)) : null;
  }
  const required = whole.required ?? [];
  return h("dl", { class: "fields" }, properties.map(([name, property]) => {
    const field = merged(api, property);
    return [
      h("dt", {}, h("code", {}, name),
        h("span", { class: "muted" }, kind(api, field) + (required.includes(name) ? ", required" : ""))),
      h("dd", {}, rich(field.description ?? ""),
        depth < 4 ? fieldsOf(api, { ...field, description: "" }, depth + 1) : null),
    ];
  }));
}

/**
 * A schema merged with its `allOf`.
 *
 * @param {Api} api
 * @param {Schema} schema
 * @returns {Schema}
 */
function merged(api, schema) {
  const whole = resolve(api, schema);
  return (whole.allOf ?? []).map((part) => merged(api, part)).reduce((sum, part) => ({
    ...sum, ...part,
    properties: { ...sum.properties, ...part.properties },
    required: [...(sum.required ?? []), ...(part.required ?? [])],
  }), { ...whole, allOf: undefined });
}

/**
 * The type of a schema, with its limits.
 *
 * @param {Api} api
 * @param {Schema} schema
 * @returns {string}
 */
function kind(api, schema) {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices) return [...new Set(choices.map((choice) => kind(api, resolve(api, choice))))].join(" or ");
  const types = [schema.type ?? "any"].flat().join(" or ");
  const limits = [
    schema.enum ? schema.enum.map((value) => JSON.stringify(value)).join(", ") : null,
    schema.minimum !== undefined ? `≥ ${schema.minimum}` : null,
    schema.maximum !== undefined ? `≤ ${schema.maximum}` : null,
    schema.maxLength !== undefined ? `${schema.maxLength} characters at most` : null,
    schema.maxItems !== undefined ? `${schema.maxItems} at most` : null,
    (schema.default ?? null) !== null ? `default ${JSON.stringify(schema.default)}` : null,
  ].filter(Boolean);
  return limits.length ? `${types} (${limits.join("; ")})` : types;
}
