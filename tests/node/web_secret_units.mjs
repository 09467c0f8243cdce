// The results of src/web/js/common/secret_end.js for secrets:
//
//   node --import ./tests/node/web_loader.mjs --test tests/node/web_secret_units.mjs

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const { LONGEST_LEASE, isOver } = await import(new URL("../../src/web/js/common/secret_end.js", import.meta.url));

const NOW = Date.parse("2026-11-26T12:00:00Z");
const viewed = (...times) => ({
  view_times: times.length, max_views: 2, expired: false, locked: false, views: times.map((viewed_at) => ({ viewed_at })),
});

test("a secret can be burned as long as something of it can be fetched", () => {
  const old = "2026-11-20T12:00:00Z";
  const over = [
    viewed(old, old), viewed(old, "2026-11-25T11:59:59Z"), { ...viewed(), expired: true }, { ...viewed(old), expired: true },
  ];
  const kept = [
    viewed(), viewed(old), viewed(old, "2026-11-25T12:00:01Z"), viewed("2026-11-26T11:59:00Z", old), { ...viewed(old), locked: true },
  ];
  for (const secret of over) assert.ok(isOver(secret, NOW), JSON.stringify(secret));
  for (const secret of kept) assert.ok(!isOver(secret, NOW), JSON.stringify(secret));
});

test("the longest lease is that of the server", () => {
  const lease = readFileSync(new URL("../../src/domain/secret/lease.rs", import.meta.url), "utf8");
  const [, hours] = /^const MAX_SECONDS: u64 = (\d+) \* 3600;$/m.exec(lease);
  assert.equal(LONGEST_LEASE, hours * 3600 * 1000);
});
