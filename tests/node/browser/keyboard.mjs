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

/**
 * Presses Tab through the whole page, at most `limit` times: each control must show that it has the focus, be in
 * the window, and not be covered. Returns the names of the controls.
 */
export async function walk(page, { limit = 60 } = {}) {
  const names = [];
  for (let step = 0; step < limit; step += 1) {
    await page.keyboard.press("Tab");
    const { name, tag, outlined } = await focused(page);
    if (tag === "BODY") return names;
    assert.ok(outlined, `the focus on ${tag} "${name}" is not visible`);
    const place = await page.evaluate(async () => {
      const look = () => {
        const element = document.activeElement;
        const { left, right, top, bottom } = element.getBoundingClientRect();
        const [x, y] = [(left + right) / 2, (Math.max(top, 0) + Math.min(bottom, innerHeight)) / 2];
        const found = document.elementFromPoint(x, y);
        const isSeen = found && (element.contains(found) || found.contains(element) || found.closest("label")?.control === element);
        return { left, right, top, bottom, isSeen: Boolean(isSeen), width: innerWidth, height: innerHeight };
      };
      // The browser scrolls to the control in one of the next frames.
      const end = performance.now() + 5000;
      while (!look().isSeen && performance.now() < end) await new Promise(requestAnimationFrame);
      return look();
    });
    assert.ok(place.isSeen && place.left >= -1 && place.right <= place.width + 1,
      `${tag} "${name}" is not in sight when it has the focus: ${JSON.stringify(place)}`);
    names.push(name);
  }
  return names;
}
