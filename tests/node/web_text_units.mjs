// Texts as Markdown and as code, in parts: which elements come out of friendly and of hostile texts. A browser ends
// what takes long, as tests/node/browser/view_texts.mjs shows with "*a_*a_*a_…", so that is not tried here.
//
//   node --import ./tests/node/web_loader.mjs --test tests/node/web_text_units.mjs

import assert from "node:assert/strict";
import { test } from "node:test";

const common = new URL("../../src/web/js/common/", import.meta.url);
const { markdownParts } = await import(new URL("markdown_parts.js", common));
const { codeParts } = await import(new URL("code_parts.js", common));

const MAX_CHARS = 64 * 1024;
const ADDRESS = /^(https?:\/\/|mailto:)/;

/** The parts in a short form: `tag[…]`, and `a(target)[…]` for links. */
function short(parts) {
  return parts.map((part) => (typeof part === "string" ? part
    : `${part.tag}${part.href ? `(${part.href})` : ""}${part.start > 1 ? `@${part.start}` : ""}[${short(part.parts)}]`)).join("");
}

/** All text of the parts. */
function textOf(parts) {
  return parts.map((part) => (typeof part === "string" ? part : textOf(part.parts))).join("");
}

/** No part has more than a tag, its parts, and an address that a page may offer. */
function harmless(parts, why) {
  for (const part of parts) {
    if (typeof part === "string") continue;
    const { tag, parts: inner, href, start, scope, ...more } = part;
    assert.deepEqual(more, {}, why);
    assert.match(tag, /^(a|bdi|blockquote|br|code|del|em|h[2-6]|hr|li|ol|p|pre|span|strong|table|tbody|td|th|thead|tr|ul)$/, why);
    if (href !== undefined) {
      assert.equal(tag, "a", why);
      assert.match(href, ADDRESS, why);
      const { protocol, username, password } = new URL(href);
      assert.ok(["http:", "https:", "mailto:"].includes(protocol) && !username && !password, why);
    }
    if (start !== undefined) assert.equal(typeof start, "number", why);
    if (scope !== undefined) assert.match(scope, /^[a-z_]+$/, why);
    harmless(inner, why);
  }
}

test("Markdown as people write it", () => {
  const cases = [
    ["# One\n\n###### Six", "h2[One]h6[Six]"],
    ["*a* **b** ~~c~~ `d<e>` \\*", "p[em[a] strong[b] del[c] code[d<e>] *]"],
    ["- a\n- b\n  - c", "ul[li[a]li[bul[li[c]]]]"],
    ["- [x] done\n- [ ] open", "ul[li[☑ done]li[☐ open]]"],
    ["3. a\n4. b", "ol@3[li[a]li[b]]"],
    ["> quoted\n> > twice", "blockquote[p[quoted]blockquote[p[twice]]]"],
    ["```sh\nrm -rf \"$x\" && <y>\n```", "pre[rm -rf \"$x\" && <y>]"],
    ["| a | b |\n|---|--:|\n| 1 | *2* |", "table[thead[tr[th[a]th[b]]]tbody[tr[td[1]td[em[2]]]]]"],
    ["a  \nb\n\n---\n\nc &amp; &#228; &lt;d&gt; &unknown;", "p[abr[]b]hr[]p[c & ä <d> &unknown;]"],
    ["<https://example.org/> and https://example.org/x", "p[a(https://example.org/)[https://example.org/] and a(https://example.org/x)[https://example.org/x]]"],
    ["mail a@example.org", "p[mail a(mailto:a@example.org)[a@example.org]]"],
    // A link tells its target.
    ["[my bank](https://evil.example/)", "p[a(https://evil.example/)[my bank] (bdi[https://evil.example/])]"],
    ["[https://bank.example/](https://evil.example/)", "p[a(https://evil.example/)[https://bank.example/] (bdi[https://evil.example/])]"],
    ["[аpple](https://аpple.example/)", "p[a(https://xn--pple-43d.example/)[аpple] (bdi[https://xn--pple-43d.example/])]"],
    ["[](https://evil.example/)", "p[a(https://evil.example/)[https://evil.example/]]"],
    ["![cat](https://evil.example/cat.png)", "p[a(https://evil.example/cat.png)[cat] (bdi[https://evil.example/cat.png])]"],
    // HTML stays text.
    ["a <b onclick=x>b</b>", "p[a <b onclick=x>b</b>]"],
    ["<script>alert(1)</script>", "p[<script>alert(1)</script>]"],
  ];
  for (const [text, expected] of cases) assert.equal(short(markdownParts(text)), expected, text);
});

test("addresses that no page should offer stay text", () => {
  const addresses = [
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java&#x73;cript:alert(1)", "javascript&#58;alert(1)", "&#1;javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>", "vbscript:x", "file:///etc/passwd", "blob:https://example.org/1", "ftp://x/",
    "/relative", "relative", "//evil.example/", "#anchor", "https://user:pw@evil.example/", "https://bank.example@evil.example/",
    "intent://x", "sealdrop:x", "https://", "http://[", "about:blank", "view-source:https://x/",
  ];
  const forms = [(url) => `[a](${url})`, (url) => `[a](<${url}>)`, (url) => `![a](${url})`, (url) => `<${url}>`,
    (url) => `[a][b]\n\n[b]: ${url}`, (url) => `[![a](${url})](${url})`, (url) => `[a](${url} "title")`];
  for (const url of addresses) {
    for (const form of forms) {
      const parts = markdownParts(form(url));
      harmless(parts, form(url));
      const links = JSON.stringify(parts).match(/"href":"[^"]*"/g) ?? [];
      // An e-mail address may be left of one that has an @.
      assert.ok(links.every((link) => link.startsWith("\"href\":\"mailto:")), `${form(url)}: ${links}`);
    }
  }
});

test("hostile Markdown", () => {
  // Texts that took parsers of Markdown long, or made them write markup.
  const fill = (unit) => unit.repeat(Math.ceil(MAX_CHARS / unit.length)).slice(0, MAX_CHARS);
  const long = ["[", "![", "[a](", "[a](<", "*", "_", "**a", "*a **b ", "`", "``a", "~~", "<", "<a", "<!--", "<![CDATA[", "&", "&#",
    "> ", "- ", "1. ", "|", "|-", "a|b\n-|-\n", "# ", "\n\n", " ", "\t", "\\", "[^", "[a]: <", "http://", "www.", "a@", "a@b.", "```\n",
    "    a\n", "(", "[a][", "!\\[", "\u202e", "<div>\n", "[x]:\n", "x\n=", "\u0000"];
  for (const unit of long) {
    const text = fill(unit);
    let parts;
    try {
      parts = markdownParts(text);
    } catch (error) {
      // Nested too deeply: the page then shows the plain text.
      assert.ok(error instanceof RangeError || /recursion/.test(error.message), `${JSON.stringify(unit)}: ${error.stack}`);
      continue;
    }
    let depth = 0;
    for (let inner = parts; inner.length && depth < 60; depth += 1) inner = inner.flatMap((part) => part.parts ?? []).slice(0, 9);
    if (depth < 60) harmless(parts, unit);
  }
});

test("random Markdown", () => {
  let seed = 14;
  const random = (below) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  const pieces = ["[", "](", ")", "![", "<", ">", "javascript:", "data:text/html,", "https://e.example/", "http://", "`", "```", "*", "**", "_",
    "~~", "|", "\n", "\n\n", "- ", "1. ", "> ", "# ", "    ", "\\", "&lt;", "&#106;", "&#x3a;", "<script>", "</script>", "<img src=x onerror=alert(1)>",
    "<a href=", "\"", "'", " ", "a", "b@c.example", "[x]: ", "[x]", "|-|-|\n", "<!--", "-->", "\t", "\u202e", "☃", "<https://", "@", ":", "//"];
  for (let round = 0; round < 4_000; round += 1) {
    const text = Array.from({ length: 1 + random(40) }, () => pieces[random(pieces.length)]).join("");
    harmless(markdownParts(text), JSON.stringify(text));
  }
});

test("code keeps each letter", () => {
  const cases = [
    ["{\"a\": [1, true, \"<b>\"]}", "", "attr"],
    ["SELECT name FROM users WHERE id = 3; -- all", "", "keyword"],
    ["#!/bin/bash\nexport PASSWORD='x' # secret\n", "", "comment"],
    ["key = value\n[section]\n", "app.conf", null],
    ["[section]\nkey = \"v\"\n", "app.toml", "section"],
    ["<p class=\"x\">&amp;<script>let a = 1;</script></p>", "page.html", "tag"],
    ["plain words", "notes.txt", null],
    ["- a: 1\n  b: \"x\"\n", "x.yaml", "attr"],
  ];
  for (const [text, name, scope] of cases) {
    const parts = codeParts(text, name);
    harmless(parts, text);
    assert.equal(textOf(parts), text);
    if (scope) assert.ok(JSON.stringify(parts).includes(`"scope":"${scope}"`), `${text}: ${JSON.stringify(parts)}`);
  }
});

test("hostile code", () => {
  for (const unit of ["{", "[", "\"", "'", "/*", "<!--", "<a ", "${", "`", "\\", "#", "$(", "(((", "a.b", "1", "\n", "<<EOF\n", "%{", "//", "-- ", "\u202e"]) {
    const text = unit.repeat(Math.ceil(8_192 / unit.length));
    for (const name of ["", "x.js", "x.sh", "x.xml", "x.sql", "x.rb"]) {
      let parts;
      try {
        parts = codeParts(text, name);
      } catch (error) {
        assert.ok(error instanceof RangeError, `${unit} ${name}: ${error.stack}`);
        continue;
      }
      assert.equal(textOf(parts), text, `${unit} ${name}`);
    }
  }
});
