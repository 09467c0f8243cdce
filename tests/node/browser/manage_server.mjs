// The state of the server on the page of its first account.
import assert from "node:assert/strict";
import { run, servers } from "./harness.mjs";
import { makeSecret, openLink } from "./secrets.mjs";
import { enter, signIn } from "./signed_in.mjs";

const { open } = servers;
const { key } = open;
const PATH = "/manage#account";
const card = (page) => page.locator(".card.server");

/** A state with a month of history and all warnings. */
function busy(now) {
  const hour = (hours, index) => ({
    at: new Date(now - hours * 3_600_000).toISOString(), created: (index * 7) % 40, views: (index * 5) % 60,
    burned: index % 20, late_tries: index % 9 === 0 ? 3 : 0, refusals: 1234, live_secrets: 900 + index,
    stored_bytes: 12_345_678 + index * 99_999,
  });
  return {
    version: "0.1.0", started_at: new Date(now - 9e8).toISOString(), uptime_seconds: 900_000,
    secrets: { live: 1_234_567, created_today: 321, views_today: 4321, burned_today: 5, late_tries_today: 6, refusals_today: 7 },
    boxes: 12, messages: 3456,
    disk: { free_bytes: 1e9, size_bytes: 64e9, reserve_bytes: 1e9, used_bytes: 987_654_321 },
    queues: { changes: 1, slow_work: 2, mails: 3, webhook_calls: 4, given_up: 5 }, connections: 6,
    certificate_ends_at: new Date(now + 9e8).toISOString(),
    warnings: ["disk_full", "disk_low", "certificate", "clock", "no_mail", "given_up", "unheard"]
      .map((code) => ({ code, text: `Text of ${code}.` })),
    history: Array.from({ length: 700 }, (_, index) => hour(700 - index, index)),
  };
}

/** Answers with `busy`. */
async function simulate(page) {
  await page.route("**/api/account/server", async (route) => {
    const answer = await route.fetch();
    const now = new Date(answer.headers().date).getTime();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), data: busy(now) } });
  });
}

await run({
  async "figures of today"(tools) {
    const secret = await makeSecret(open, "text", {}, { key });
    await makeSecret(open, "text", {}, { key });
    assert.equal((await openLink(open, secret.link)).text, "text");
    const page = await tools.open(PATH);
    await signIn(page, open);
    await card(page).getByText("2 created, 1 views").waitFor();
    assert.equal(await card(page).locator("figure").count(), 4);
    assert.equal(await card(page).locator("rect").count(), 4 * 30);
    await card(page).getByText("2 in total, up to 2 a day").waitFor();
    // The table has the same numbers, newest day first.
    await card(page).getByText("Show as a table").click();
    const rows = card(page).locator("tbody tr");
    assert.equal(await rows.count(), 30);
    assert.equal(await rows.first().locator("td").first().textContent(), "2");
    assert.equal(await rows.last().locator("td").first().textContent(), "0");
  },

  async "what needs attention"(tools) {
    const page = await tools.open(PATH);
    await simulate(page);
    await enter(page, open);
    const texts = await card(page).locator(".notice").allTextContents();
    assert.equal(texts.length, 7);
    assert.match(texts[0], /The disk is full/);
    assert.match(texts[6], /Text of unheard/, "an unknown warning is shown as the server words it");
  },

  async "every look"(tools) {
    await tools.everyLook("manage-server", PATH, async (page) => {
      await simulate(page);
      await enter(page, open);
      await card(page).locator("summary").click();
      await card(page).locator("tbody tr").first().waitFor();
    });
    const page = await tools.open(PATH, { viewport: { width: 320, height: 640 } });
    await simulate(page);
    await enter(page, open);
    await card(page).locator("summary").click();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 320, `${wide} px`);
    await tools.shot(page, "manage-server-narrow");
  },
});
