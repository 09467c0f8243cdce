// The results of src/web/js/common/typed.js for passwords; those of the server are the same
// (src/crypto/typed_password.rs):
//
//   node --import ./tests/node/web_loader.mjs --test tests/node/web_typed_units.mjs

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const { typedPassword } = await import(new URL("../../src/web/js/common/typed.js", import.meta.url));
const vectors = JSON.parse(readFileSync(new URL("../vectors/passwords.json", import.meta.url), "utf8"));

test("one password typed in many ways", () => {
  for (const { plain, typed } of vectors) {
    for (const text of [plain, ...typed]) assert.equal(typedPassword(text), plain, JSON.stringify(text));
  }
  assert.ok(vectors.length > 10);
});
