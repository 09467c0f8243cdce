// Creates src/web/js/vendor/highlight.js from npm's @highlightjs/cdn-assets, and writes it to standard output:
//
//   node tests/node/vendor_highlight.mjs > src/web/js/vendor/highlight.js
//
// The only argument, if there is one, is the node_modules folder that holds it.

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** What people hand over: settings, data, and scripts that use them. */
const LANGUAGES = [
  "bash", "diff", "dockerfile", "go", "ini", "java", "javascript", "json", "php", "powershell", "python", "ruby",
  "rust", "sql", "xml", "yaml",
];

const modules = process.argv[2] ? resolve(process.argv[2]) : join(import.meta.dirname, "node_modules");
const read = (name) => readFileSync(join(modules, "@highlightjs/cdn-assets", name), "utf8");
const { version } = JSON.parse(read("package.json"));
const licence = read("LICENSE")
  .trim()
  .split("\n")
  .map((line) => `// ${line}`.trimEnd());

/** The grammar of a language as an expression. */
function grammar(name) {
  const source = read(`es/languages/${name}.min.js`);
  const [, expression] = /^\/\*!.*?\*\/\s*var hljsGrammar=(.*);\s*export default hljsGrammar;\s*$/s.exec(source);
  return `${name}: ${expression},`;
}

process.stdout.write(`\
// Highlight.js ${version}: its core, unchanged, and its grammars for ${LANGUAGES.length} languages, as one module.
// Do not edit: made by tests/node/vendor_highlight.mjs out of npm's @highlightjs/cdn-assets.
//
${licence.join("\n")}

${read("es/core.min.js").trimEnd()}

export const grammars = {
${LANGUAGES.map(grammar).join("\n")}
};
`);
