// The results of src/web/js/common/link_parts.js for links, whole and damaged:
//
//   node --import ./tests/node/web_loader.mjs --test tests/node/web_link_units.mjs

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const { fragmentOf, isCut, partsOfAddress, partsOfText, publicHalfOf } =
  await import(new URL("../../src/web/js/common/link_parts.js", import.meta.url));

const ID = "0123456789abcdefghijABCDEFGHIJx";

test("a key is found in what mail programs leave of it", () => {
  for (const half of ["ABCDEFGHIJKLMNOPQR", "abcdefghijklmnopq", "abcdefghijklmnop", "löse-nord?>~"]) {
    const key = fragmentOf(half);
    const half9 = [key.slice(0, 9), key.slice(9)];
    const forms = [
      key, key.replace(/=+$/, ""), `${key}=`, `${key}==`, key.replaceAll("=", "%3D"), key.replaceAll("=", "%253D"),
      key.replaceAll("=", "=3D"), key.replaceAll("+", "-").replaceAll("/", "_"),
      ...["&utm_source=x", "?x=y", "&amp;x", ".", ">", "%3E", ")", "),", ",", "\"", "'", "”", "%E2%80%9D", "*", "**", "%", "#"]
        .map((end) => key + end),
      ...[" ", "\n", "\r\n", "%20", "%0D%0A", "=\n", "=\r\n", "\u200b"].map((between) => half9.join(between)),
      `<${key}>`, `“${key}”`, ` ${key}`,
    ];
    for (const form of forms) assert.equal(publicHalfOf(form), half, form);
  }
  // If the base64 is complete, one more character is markup.
  const key = fragmentOf("ABCDEFGHIJKLMNOPQR");
  for (const end of ["/", "_", "__", "-"]) assert.equal(publicHalfOf(key + end), "ABCDEFGHIJKLMNOPQR", end);
  for (const hopeless of ["", "=", "...", "%", "%FF%FE", "top", "/", "AAAA"]) assert.equal(publicHalfOf(hopeless), null, hopeless);
});

test("id and key are found in addresses and in what is pasted", () => {
  const publicHalf = "ABCDEFGHIJKLMNOPQR";
  const key = fragmentOf(publicHalf);
  for (const start of ["https://x.example", "https://x.example/secrets"]) {
    const cases = [
      [`${start}/${ID}/#${key}`, ID, publicHalf], [`${start}/?${ID}#${key}`, ID, publicHalf],
      [`${start}/${ID}/?lang=sv#${key}`, ID, publicHalf], [`${start}/?${ID}&utm=x#${key}`, ID, publicHalf],
      [`${start}/?${ID}=#${key}`, ID, publicHalf], [`${start}/${ID}/`, ID, null], [`${start}/?${ID}#`, ID, null],
      [`${start}/${ID}/?${"y".repeat(31)}#${key}`, ID, publicHalf],
    ];
    for (const [link, id, half] of cases) {
      assert.deepEqual(partsOfAddress(new URL(link)), { id, publicHalf: half }, link);
      assert.deepEqual(partsOfText(`See:\n<${link}>.`), { id, publicHalf: half }, link);
    }
  }
  const link = `https://x.example/${ID}/#${key}`;
  const texts = [
    `Ticket #4711: ${link}`, `${link} by`, `${link}\nby somebody`, `#1, #2: <${link}>, #3`, `${link} ${link}`,
    `I send you a secret:\n\n${link}\n\nThe link can be opened once.\nIt is good until Friday.`,
    `https://x.example/${ID}/\n#${key}`, `https://x.example/${ID}/#${key.slice(0, 9)}\n${key.slice(9)}\nby`,
  ];
  for (const text of texts) assert.deepEqual(partsOfText(text), { id: ID, publicHalf }, text);
  assert.deepEqual(partsOfText(`Ticket #4711: https://x.example/${ID}/`), { id: ID, publicHalf: null });
  assert.deepEqual(partsOfText(`${key} by`), { id: null, publicHalf });
  assert.deepEqual(partsOfText(key), { id: null, publicHalf });
  assert.deepEqual(partsOfText(` #${key}\n`), { id: null, publicHalf });
  assert.deepEqual(partsOfText(`https://x.example/${ID}/%23${key}`), { id: ID, publicHalf });
  assert.deepEqual(partsOfText(ID), { id: ID, publicHalf: null });
  assert.deepEqual(partsOfText("Hello, here is nothing."), { id: null, publicHalf: null });
});

test("damaged links, the same as on the command line", () => {
  const vectors = JSON.parse(readFileSync(new URL("../vectors/links.json", import.meta.url), "utf8"));
  const { id, half, key, heads, sharps, ends, wraps, within, texts, cut, behind_cut: prose } = vectors;
  const filled = (text) => text.replaceAll("{id}", id).replaceAll("{key}", key).replaceAll("{half}", half);
  let count = 0;
  const wrong = [];
  const expect = (text, found = id, publicHalf = half) => {
    count += 1;
    const parts = partsOfText(text);
    if (parts.id !== found || parts.publicHalf !== publicHalf) wrong.push([text, parts]);
    // As a browser has it in its address bar, if it accepts it at all.
    // A browser takes its \ for a /, so it is not part of an id.
    const url = /^https?:\/\/[^\s\\]+$/.test(text) && URL.canParse(text) ? new URL(text) : null;
    if (!url) return;
    const there = partsOfAddress(url);
    if (there.id !== found || there.publicHalf !== publicHalf) wrong.push([url.href, there]);
  };
  for (const head of heads.map(filled)) {
    for (const sharp of sharps) expect(head + sharp + key);
    for (const end of ends) expect(`${head}#${key}${end}`);
    for (const [before, behind] of wraps) {
      expect(`${before}${head}#${key}${behind}`);
      expect(`${before}${head}%23${key}${behind}`);
    }
    for (const junk of within) {
      for (const at of [1, 9, 12, 20, 23]) expect(`${head}#${key.slice(0, at)}${junk}${key.slice(at)}`);
      for (const at of [3, 16, 28]) {
        expect(head.replace(id, id.slice(0, at) + junk + id.slice(at)) + `#${key}`);
      }
    }
    for (const missing of cut) {
      for (const behind of prose) {
        const text = `${head}#${key.slice(0, -missing)}${behind}`;
        const { id: found, publicHalf } = partsOfText(text);
        if (found !== id || (publicHalf !== null && !isCut(publicHalf))) wrong.push([text, publicHalf]);
      }
    }
  }
  for (const [text, found, publicHalf] of texts) expect(filled(text), filled(found), publicHalf && filled(publicHalf));
  for (const none of ["/?fbclid=0123456789abcdefghijABCDE", "/0123456789abcdefghijABCDEFG.html", "/?lang=sv", "/some/where/else"]) {
    expect(none, null, null);
  }
  assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} of ${count}`);
  assert.ok(count > 2000);
  assert.ok(!isCut(half) && !isCut("löse") && !isCut("abc-def") && isCut(half.slice(1)));
});
