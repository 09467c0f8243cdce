// @ts-check
// Orders of lists besides the server's own one, newest first.
import { t } from "../common/page.js";

/** By creation. */
export function oldestFirst() {
  return {
    label: t("manage.order_oldest"),
    /**
     * @param {{ created_at: string }} one
     * @param {{ created_at: string }} other
     */
    compare: (one, other) => one.created_at.localeCompare(other.created_at),
  };
}

/** By creation, and by expiry: what never expires is last. */
export function timeOrders() {
  /** @param {{ expires_at: string | null }} item */
  const endOf = ({ expires_at: moment }) => moment ?? "9";
  return [oldestFirst(), {
    label: t("manage.order_ending"),
    /**
     * @param {{ created_at: string, expires_at: string | null }} one
     * @param {{ created_at: string, expires_at: string | null }} other
     */
    compare: (one, other) => endOf(one).localeCompare(endOf(other)),
  }];
}
