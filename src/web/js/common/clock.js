// @ts-check
// The server's time, from the `Date` header of its answers, because the clock of a device may be wrong.
// Expiry follows the server's clock.

/** Smaller differences are not shown. */
const WORTH_MS = 5 * 60_000;
/** Slower answers are too inaccurate. */
const SLOW_MS = 20_000;

/** How far the server's clock is ahead of this device's, in milliseconds. */
let ahead = 0;
/** @type {(seconds: number) => void} */
let tell = () => {};

/** The server's time, as far as it is known. */
export function now() {
  return Date.now() + ahead;
}

/**
 * Reads the server's time from an answer. `asked` is the time of the request (`Date.now()`).
 *
 * @param {Response} response
 * @param {number} asked
 */
export function learnTime(response, asked) {
  const told = Date.parse(response.headers.get("Date") ?? "");
  const took = Date.now() - asked;
  if (Number.isNaN(told) || took < 0 || took > SLOW_MS) return;
  // `Date` is cut to whole seconds; the server wrote it between request and answer.
  const difference = told + 500 - (asked + took / 2);
  ahead = Math.abs(difference) <= 1000 + took / 2 ? 0 : difference;
  tell(Math.abs(ahead) >= WORTH_MS ? Math.abs(ahead) / 1000 : 0);
}

/**
 * Calls `action(seconds)` with each new difference of the clocks; 0 if it is too small to show.
 *
 * @param {(seconds: number) => void} action
 */
export function whenClockTold(action) {
  tell = action;
}
