// Creates src/web/js/vendor/sjcl.js from npm's sjcl, and writes it to standard output:
//
//   node tests/node/vendor_sjcl.mjs > src/web/js/vendor/sjcl.js
//
// The only argument, if there is one, is the node_modules folder that holds it.

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const PARTS = ["sjcl", "bitArray", "codecBytes", "aes", "sha256", "hmac", "gcm"];

const modules = process.argv[2] ? resolve(process.argv[2]) : join(import.meta.dirname, "node_modules");
const read = (name) => readFileSync(join(modules, "sjcl", name), "utf8");
// Its users may choose one of two licences. This is the first one, without the rule above it.
const licence = read("LICENSE.txt")
  .split(/^-{20,}$/m)[1]
  .trim();
const { version } = JSON.parse(read("package.json"));

process.stdout.write(`\
// The Stanford JavaScript Crypto Library ${version}: AES, GHASH of GCM, SHA-256 and HMAC, unchanged, as one module.
// Made by tests/node/vendor_sjcl.mjs out of npm's sjcl, core/: ${PARTS.join(", ")}. Do not edit.
//
${licence
  .split("\n")
  .map((line) => `// ${line}`.trimEnd())
  .join("\n")}

${PARTS.map((part) => `// core/${part}.js\n${read(`core/${part}.js`).trimEnd()}\n`).join("\n")}
export default sjcl;
`);
