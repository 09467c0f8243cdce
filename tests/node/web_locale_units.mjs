// Each language has a text for each plural form that its counts have (Unicode CLDR, as browsers know it):
//
//   node --test tests/node/web_locale_units.mjs

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const ROOT = new URL("../../src/locales/", import.meta.url);
const FORMS = ["zero", "one", "two", "few", "many", "other"];
/** No page counts further. */
const MOST = 10_000;

const tags = readdirSync(ROOT, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);
const textsOf = (tag) => JSON.parse(readFileSync(new URL(`${tag}/pages.json`, ROOT), "utf8"));

/** The keys that have plural forms, without the form. */
const counted = Object.keys(textsOf("en")).filter((key) => key.endsWith(".other")).map((key) => key.slice(0, -6));

for (const tag of tags) {
  test(`plural forms: ${tag}`, () => {
    const rules = new Intl.PluralRules(tag);
    const counts = Array.from({ length: MOST + 1 }, (_, count) => rules.select(count));
    // The scripts fall back to the last one, which fractions have.
    const needed = FORMS.filter((form) => form === "other" || counts.includes(form));
    const texts = textsOf(tag);
    for (const key of counted) {
      assert.deepEqual(FORMS.filter((form) => texts[`${key}.${form}`] !== undefined), needed, key);
    }
  });
}
