// Lets node run the modules of src/web/js unchanged: `node --import ./tests/node/web_loader.mjs …`.
// With SEALDROP_PLAIN_HTTP=1 there is no WebCrypto, as in a page that was loaded over plain http.

import { register } from "node:module";

register("./web_hooks.mjs", import.meta.url);

if (process.env.SEALDROP_PLAIN_HTTP === "1") {
  const { crypto } = globalThis;
  const plain = { getRandomValues: (array) => crypto.getRandomValues(array) };
  Object.defineProperty(globalThis, "crypto", { value: plain });
}
