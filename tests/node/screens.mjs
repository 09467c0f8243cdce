// Pictures of every page and state, in all sizes, colours and three languages, and an index.html that shows them
// beside those of another folder:
//
//   cargo test --test it --no-run
//   node tests/node/screens.mjs target/debug/deps/it-… FOLDER [OLD_FOLDER] [--only NAMES] [--looks LOOKS]
//
// The flows of the browser tests lead to the states (`everyLook` of browser/harness.mjs), and the test program
// starts them with their servers. `--only create,view` selects scripts of the folder browser; a look is
// SIZE-LANGUAGE-light or SIZE-LANGUAGE-dark.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { parseArgs } from "node:util";

const SIZES = ["desktop", "large_phone", "narrow"];
const LOCALES = new URL("../../src/locales/", import.meta.url);
const SCRIPTS = new URL("browser/", import.meta.url);

const { values, positionals } = parseArgs({
  allowPositionals: true, options: { only: { type: "string" }, looks: { type: "string" } },
});
const [program, folder, old] = positionals.map((path) => resolve(path));
if (!folder) {
  console.error("usage: node tests/node/screens.mjs TEST_PROGRAM FOLDER [OLD_FOLDER] [--only NAMES] [--looks LOOKS]");
  process.exit(2);
}

/** English, another language, and one from right to left: those that exist. */
const languages = ["en", existsSync(new URL("de/", LOCALES)) ? "de" : "sv", "ar"]
  .filter((tag) => existsSync(new URL(`${tag}/`, LOCALES)));
const looks = values.looks ?? SIZES.flatMap((size) => languages.flatMap((tag) =>
  ["light", "dark"].map((color) => `${size}-${tag}-${color}`))).join(",");
const scripts = values.only?.split(",") ?? readdirSync(SCRIPTS).filter((file) => file.endsWith(".mjs"))
  .filter((file) => readFileSync(new URL(file, SCRIPTS), "utf8").includes("tools.everyLook"))
  .map((file) => file.replace(".mjs", ""));

mkdirSync(folder, { recursive: true });
let failed = 0;
for (const script of scripts) {
  const { status, stdout, stderr } = spawnSync(program, ["--exact", `browser::${script}`], {
    encoding: "utf8", env: { ...process.env, SEALDROP_LOOKS: looks, SEALDROP_SCREENSHOTS: folder },
  });
  if (status !== 0) {
    failed += 1;
    console.error(`${script}:\n${stdout}${stderr}`);
  }
}

const pictures = readdirSync(folder).filter((file) => file.endsWith(".png")).sort();
const escaped = (text) => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
const picture = (place, name) => `<a href="${escaped(encodeURI(`${place}${name}`))}"><img loading="lazy" alt="" src="${
  escaped(encodeURI(`${place}${name}`))}"></a>`;
const rows = pictures.map((name) => {
  const before = old && existsSync(resolve(old, name)) ? picture(`${relative(folder, old)}/`, name) : "";
  return `<section><h2>${escaped(name)}</h2><div>${before}${picture("", name)}</div></section>`;
});
writeFileSync(resolve(folder, "index.html"), `<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>Pages of sealdrop</title>
<style>body{font:1rem system-ui;margin:1rem}div{display:flex;gap:1rem;align-items:start}
img{max-width:45vw;border:1px solid gray}h2{font-size:1rem}</style>
<h1>${pictures.length} pictures${old ? ", the old ones at the left" : ""}</h1>
${rows.join("\n")}
</html>
`);
console.log(`${pictures.length} pictures in ${folder}`);
process.exit(failed ? 1 : 0);
