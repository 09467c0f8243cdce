// @ts-check
// What time it is by the server: its answers say so (`Date`), and the clock of a device may be wrong. What
// ends, ends by the server's clock.

/** A difference of less than this is not worth a word. */
const WORTH_MS = 5 * 60_000;
/** An answer that took so long tells too little. */
const SLOW_MS = 20_000;

/** How far the server's clock is ahead of this device's, in milliseconds. */
let ahead = 0;
/** @type {(seconds: number) => void} */
let tell = () => {};

/** The time by the server, as far as it is known. */
export function now() {
  return Date.now() + ahead;
}

/**
 * Learns from an answer to what was asked at `asked` (of `Date.now()`).
 *
 * @param {Response} response
 * @param {number} asked
 */
export function learnTime(response, asked) {
  const told = Date.parse(response.headers.get("Date") ?? "");
  const took = Date.now() - asked;
  if (Number.isNaN(told) || took < 0 || took > SLOW_MS) return;
  // It is cut to whole seconds, and was written at some time between.
  const difference = told + 500 - (asked + took / 2);
  ahead = Math.abs(difference) <= 1000 + took / 2 ? 0 : difference;
  tell(Math.abs(ahead) >= WORTH_MS ? Math.abs(ahead) / 1000 : 0);
}

/**
 * `action(seconds)` is told how far the clocks are apart, 0 for not worth a word; whenever that is
 * learned.
 *
 * @param {(seconds: number) => void} action
 */
export function whenClockTold(action) {
  tell = action;
}
