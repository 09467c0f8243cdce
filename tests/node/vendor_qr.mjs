// Creates src/web/js/vendor/lean_qr.js from npm's lean-qr, and writes it to standard output:
//
//   node tests/node/vendor_qr.mjs > src/web/js/vendor/lean_qr.js
//
// The only argument, if there is one, is the node_modules folder that holds it.

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const modules = process.argv[2] ? resolve(process.argv[2]) : join(import.meta.dirname, "node_modules");
const read = (name) => readFileSync(join(modules, "lean-qr", name), "utf8");
const { version } = JSON.parse(read("package.json"));
const licence = read("LICENSE")
  .trim()
  .split("\n")
  .map((line) => `// ${line}`.trimEnd());

process.stdout.write(`\
// lean-qr ${version}, its nano.mjs, unchanged. Do not edit: made by tests/node/vendor_qr.mjs out of npm's lean-qr.
//
${licence.join("\n")}

${read("nano.mjs").trimEnd()}
`);
