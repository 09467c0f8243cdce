// @ts-check
// When something expires: a few usual times, or a date and time. The operator sets the limits.
import { choiceField } from "./choice.js";
import { now } from "./clock.js";
import { $, field, h } from "./dom.js";
import { write } from "./live.js";
import { config, date, lifetime, t } from "./page.js";

/** The usual choices, in hours. */
const USUAL = [1, 24, 168];
/** The choices of a list, which has room for more. */
const LISTED = [1, 4, 24, 72, 168, 336];
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** The shortest time until a chosen moment. */
const SOON_MS = 5 * MINUTE_MS;
/** The value of the choice that changes nothing. */
const UNCHANGED = "";

/**
 * `{ node, control, fields, hours, isCustom, end, setError, check() }`: `fields` are those of the API; `hours`
 * is null for a chosen moment, 0 for the server's default without an end; `end` is the moment, or null. With
 * `unchanged`, the label of one more choice, that one is chosen, and it has no fields.
 *
 * @param {{ label?: TextLike, unchanged?: TextLike, onChange?: () => void }} options
 */
export function expirationChoice({ label = t("create.expires"), unchanged, onChange } = {}) {
  const { min, max, default: standard } = config.expiration;
  const allowed = USUAL.filter((hours) => hours >= min && hours <= max);
  const hours = new Set([...allowed, ...(standard ? [standard] : [])]);
  if (!hours.size) hours.add(min);
  /** @type {{ value: string | number, label: TextLike }[]} */
  const options = [...hours].sort((a, b) => a - b).map((value) => ({ value, label: lifetime(value) }));
  if (unchanged) options.unshift({ value: UNCHANGED, label: unchanged });
  if (!standard) options.push({ value: 0, label: t("create.ever") });
  const moment = h("input", { type: "datetime-local", autocomplete: "off" });
  // For the server, an hour that has begun counts as one.
  const first = () => now() + (min - 1) * HOUR_MS + SOON_MS;
  const last = () => now() + max * HOUR_MS;
  const limits = () => {
    moment.min = local(first());
    moment.max = local(last());
  };
  limits();
  moment.value = local(now() + Math.min(max, Math.max(min, 72)) * HOUR_MS);
  // A server with a single lifetime has nothing else to choose.
  const custom = min < max ? { label: t("create.custom"), control: moment, name: t("create.expires_at") } : undefined;
  const field = choiceField(label, options, {
    chosen: unchanged ? UNCHANGED : standard, custom, onChange,
  });
  const hoursOf = () => (field.isCustom || field.value === UNCHANGED ? null : Number(field.value));
  const end = () => {
    if (field.isCustom) return moment.value ? new Date(moment.value) : null;
    const value = hoursOf();
    return value ? new Date(now() + value * HOUR_MS) : null;
  };
  return {
    node: field.node, control: field.control, setError: field.setError,
    get isCustom() { return field.isCustom; },
    get hours() { return hoursOf(); },
    get fields() {
      if (field.isCustom) return { expires_at: end()?.toISOString() };
      return { expiration: hoursOf() ?? undefined };
    },
    get end() { return end(); },
    check: () => {
      if (!field.isCustom) return true;
      limits();
      const at = end()?.getTime() ?? 0;
      // The control has no seconds.
      const isRight = at > first() - MINUTE_MS && at <= last();
      if (!isRight) {
        field.setError(t("create.wrong_moment", { first: date(new Date(first())), last: date(new Date(last())) }));
      }
      return isRight;
    },
  };
}

/**
 * A moment for `datetime-local`: the local time, without seconds.
 *
 * @param {number} moment
 */
function local(moment) {
  const at = new Date(moment);
  return new Date(moment - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/**
 * The same as a list, where a form has no room: with the resulting date, or with `hint` instead. `{ node,
 * control, setError, tell }`: `tell()` updates the date.
 *
 * @param {{ label?: TextLike, hint?: TextLike }} options
 */
export function expirationList({ label = t("create.expiration"), hint: fixed = "" } = {}) {
  const { min, max, default: standard } = config.expiration;
  const allowed = LISTED.filter((hours) => hours >= min && hours <= max);
  const hours = new Set([...allowed, ...(standard ? [standard] : [])]);
  if (!allowed.includes(min) && !hours.size) hours.add(min);
  // A maximum that is only slightly longer is not a choice of its own.
  if (max > Math.max(0, ...hours) * 1.2) hours.add(max);
  const sorted = [...hours].sort((a, b) => a - b);
  const chosen = standard || 0;
  const select = h("select", { autocomplete: "off" },
    ...sorted.map((value) => h("option", { value, selected: value === chosen }, lifetime(value))),
    !standard && h("option", { value: 0, selected: true }, t("create.ever")));
  select.value = String(chosen);
  const made = field(label, select, fixed || " ");
  if (fixed) return { ...made, tell: () => {} };
  const hint = $(".hint", made.node);
  const tell = () => {
    const end = Number(select.value) ? new Date(now() + Number(select.value) * HOUR_MS) : null;
    write(hint, end ? t("create.ends", { date: date(end) }) : t("create.ends_never"));
  };
  return { ...made, tell };
}
