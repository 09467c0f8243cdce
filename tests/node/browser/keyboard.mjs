// Using a page with the keyboard alone.
import assert from "node:assert/strict";

/** The name of the focused control, as people read it, and whether it shows that it has the focus. */
export function focused(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    const name = element?.getAttribute("aria-label") || element?.labels?.[0]?.textContent || element?.textContent;
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    return {
      name: name?.trim() ?? "", tag: element?.tagName, outlined: outlineStyle !== "none" && outlineWidth !== "0px",
    };
  });
}

/** Presses Tab until the control with this name has the focus, which must be visible at each step. */
export async function tabTo(page, name, { limit = 60, key = "Tab" } = {}) {
  const seen = [];
  await page.waitForFunction(() => document.hasFocus());
  for (let step = 0; step < limit; step += 1) {
    await page.keyboard.press(key);
    const now = await focused(page);
    if (now.tag !== "BODY") assert.ok(now.outlined, `the focus on ${now.tag} "${now.name}" is not visible`);
    if (typeof name === "string" ? now.name === name : name.test(now.name)) return;
    seen.push(now.name);
  }
  throw new Error(`Tab does not lead to ${name}, only to ${seen.join(" | ")}`);
}
