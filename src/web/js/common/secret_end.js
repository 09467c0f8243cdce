// @ts-check
// When a secret is over.

/** The longest lease, in milliseconds: `MAX_SECONDS` in src/domain/secret/lease.rs. */
export const LONGEST_LEASE = 24 * 3600 * 1000;

/**
 * Whether nothing of a secret can be fetched any more, so that there is nothing to delete. The client of the
 * last view may fetch the content again during its lease, and a locked secret is kept until it expires.
 *
 * @param {{ view_times: number, max_views: number, expired: boolean, views: View[] }} options
 * @param {number} now
 */
export function isOver({ view_times: times, max_views: max, expired, views }, now = Date.now()) {
  if (expired) return true;
  if (times < max || !views.length) return false;
  const newest = Math.max(...views.map((view) => Date.parse(view.viewed_at)));
  return newest + LONGEST_LEASE < now;
}
