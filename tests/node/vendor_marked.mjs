// Creates src/web/js/vendor/marked.js from npm's marked, and writes it to standard output:
//
//   node tests/node/vendor_marked.mjs > src/web/js/vendor/marked.js
//
// The only argument, if there is one, is the node_modules folder that holds it.

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const modules = process.argv[2] ? resolve(process.argv[2]) : join(import.meta.dirname, "node_modules");
const read = (name) => readFileSync(join(modules, "marked", name), "utf8");
const { version } = JSON.parse(read("package.json"));
const licence = read("LICENSE")
  .trim()
  .split("\n")
  .map((line) => `// ${line}`.trimEnd());

process.stdout.write(`\
// marked ${version}, its lib/marked.esm.js without the name of a source map. Do not edit: made by
// tests/node/vendor_marked.mjs out of npm's marked.
//
${licence.join("\n")}

${read("lib/marked.esm.js").replace(/^\/\/# sourceMappingURL=.*$/m, "").trimEnd()}
`);
