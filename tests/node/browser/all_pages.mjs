// Every page, at an address of its own.
import { quickBox } from "./box_tools.mjs";
import { servers } from "./harness.mjs";
import { makeSecret as make } from "./secrets.mjs";
import { call, makeSecret } from "./view_secrets.mjs";

const { open } = servers;

/** The paths of the pages on the server `open`. */
export async function pages() {
  const secret = await makeSecret({ password: "p", max_views: 9 });
  const { data } = (await call("POST", "/api/secret_requests", { message: "Send" })).json;
  const { token } = await quickBox();
  const made = await make(open, "text", {}, { key: open.key });
  return ["/", secret.path, `/req/${data.id}`, "/ask", `/req/${data.id}/status#x`, `/status/${made.id}#x`, "/box",
    `/box/${token}`, "/manage", "/docs", "/nothing"];
}

/** A short name for a page, by its path. */
export function nameOf(path) {
  const [first, second, third] = path.slice(1).split(/[/#]/);
  if (first.length === 31) return "view";
  if (first === "req") return third ? "request-status" : "request";
  return first === "box" && second ? "box-of-somebody" : first || "start";
}

/** Waits until the script of a page has filled it. */
export function filled(page) {
  return page.waitForFunction(() => document.querySelector("h1")
    && !document.querySelector("#app[aria-busy], #app:empty"));
}

/** Some of them are not found, which the console says. */
export const ALLOW = { allow: [/status of 4\d\d/] };
