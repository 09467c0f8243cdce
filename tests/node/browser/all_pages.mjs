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

/** Some of them are not found, which the console says. */
export const ALLOW = { allow: [/status of 4\d\d/] };
