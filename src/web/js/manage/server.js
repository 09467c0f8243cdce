// @ts-check
// The state of the server, for the account of its operator: figures, warnings, and the last 30 days as charts
// and as a table.
import { h, notice, replace } from "../common/dom.js";
import { live, textNode } from "../common/live.js";
import { bytes, lang, number, t } from "../common/page.js";
import { ask, attempt } from "./call.js";
import { facts } from "./facts.js";
import { moment } from "./moment.js";

const DAYS = 30;
const DAY_MS = 86_400_000;
/** The size of a chart in its own units: each day has a bar and a gap. */
const [STEP, BAR, HEIGHT] = [10, 8, 60];

/**
 * The texts of the warnings, by their codes.
 *
 * @type {Record<string, TextLike>}
 */
const WARNINGS = {
  disk_full: t("manage.server_disk_full"),
  disk_low: t("manage.server_disk_low"),
  certificate: t("manage.server_certificate_soon"),
  clock: t("manage.server_clock"),
  no_mail: t("manage.server_no_mail"),
  given_up: t("manage.server_given_up_text"),
};

/** A card that loads the state of the server. */
export function serverCard() {
  const place = h("div", {});
  const node = h("section", { class: "card server", "aria-busy": true }, h("h2", {}, t("manage.server")), place);
  const load = async () => {
    node.setAttribute("aria-busy", "true");
    const problem = h("div", {});
    const isDone = await attempt(problem, async () => {
      const { data } = await ask("GET", "api/account/server");
      replace(place, ...content(data));
    });
    node.removeAttribute("aria-busy");
    if (!isDone) {
      const again = h("button", { type: "button", class: "button", onclick: load }, t("manage.retry"));
      replace(place, problem, again);
    }
  };
  load();
  return node;
}

/** @param {ServerState} state */
function content(state) {
  const { secrets, disk, queues } = state;
  const days = daysOf(state);
  return [
    ...state.warnings.map(({ code, text }) => notice("warn", WARNINGS[code] ?? text)),
    facts(
      [t("manage.server_version"), state.version],
      [t("manage.server_running"), moment(state.started_at, { isLong: true })],
      [t("manage.server_live"), number(secrets.live)],
      [t("manage.server_today"), t("manage.server_today_of", {
        created: number(secrets.created_today), views: number(secrets.views_today),
      })],
      [t("manage.server_boxes"), t("manage.server_boxes_of", {
        boxes: number(state.boxes), messages: number(state.messages),
      })],
      [t("manage.server_disk"), disk.free_bytes !== null && disk.size_bytes !== null
        && t("manage.server_disk_of", { free: bytes(disk.free_bytes), size: bytes(disk.size_bytes) })],
      [t("manage.server_data"), disk.used_bytes !== null && bytes(disk.used_bytes)],
      [t("manage.server_queue"), t("manage.server_queue_of", {
        mails: number(queues.mails), calls: number(queues.webhook_calls), failed: number(queues.given_up),
      })],
      [t("manage.server_certificate"), state.certificate_ends_at
        && moment(state.certificate_ends_at, { isLong: true })],
    ),
    h("h3", {}, t("manage.server_days")),
    h("div", { class: "charts" },
      chart(t("manage.server_created"), days, ({ created }) => created, { isSum: true }),
      chart(t("manage.server_views"), days, ({ views }) => views, { isSum: true }),
      chart(t("manage.server_late"), days, ({ late_tries: tries }) => tries, { isSum: true }),
      chart(t("manage.server_live"), days, ({ live_secrets: live }) => live, {})),
    h("details", {}, h("summary", {}, t("manage.server_table")), table(days)),
  ];
}

/**
 * The last 30 days in UTC, oldest first: sums of their events, and what was stored at their ends.
 *
 * @param {ServerState} state
 * @returns {ServerDay[]}
 */
function daysOf({ started_at: start, uptime_seconds: uptime, history: hours }) {
  const today = Math.floor((Date.parse(start) + uptime * 1000) / DAY_MS);
  let stored = { live_secrets: 0, stored_bytes: 0 };
  return Array.from({ length: DAYS }, (_, index) => {
    const start = new Date((today - DAYS + 1 + index) * DAY_MS);
    const date = start.toISOString().slice(0, 10);
    const found = hours.filter(({ at }) => at.startsWith(date));
    // A day on which the server did not run has the levels of the day before.
    stored = found.at(-1) ?? stored;
    /** @param {(hour: ServerHour) => number} of */
    const sum = (of) => found.reduce((total, hour) => total + of(hour), 0);
    return {
      start,
      created: sum((hour) => hour.created),
      views: sum((hour) => hour.views),
      burned: sum((hour) => hour.burned),
      late_tries: sum((hour) => hour.late_tries),
      refusals: sum((hour) => hour.refusals),
      live_secrets: stored.live_secrets,
      stored_bytes: stored.stored_bytes,
    };
  });
}

/**
 * A bar for each day. Its caption says the same in words, so that screen readers leave out the drawing.
 *
 * @param {TextLike} name
 * @param {ServerDay[]} days
 * @param {(day: ServerDay) => number} of
 * @param {{ isSum?: boolean }} options
 */
function chart(name, days, of, { isSum = false }) {
  const values = days.map(of);
  const most = Math.max(...values);
  const main = isSum ? values.reduce((total, value) => total + value, 0) : values[values.length - 1];
  const key = isSum ? "manage.server_chart_sum" : "manage.server_chart_level";
  const bars = values.map((value, index) => {
    // The smallest value can be seen, and zero cannot.
    const height = value === 0 ? 0 : Math.max(2, (value / most) * HEIGHT);
    const bar = svg("rect", {
      class: "bar", x: index * STEP + (STEP - BAR) / 2, y: HEIGHT - height, width: BAR, height, rx: 1,
    });
    const title = svg("title", {});
    title.append(textNode(live(() => `${dayText(days[index].start)}: ${number(value)}`)));
    bar.append(title);
    return bar;
  });
  const line = svg("line", { class: "base", x1: 0, x2: DAYS * STEP, y1: HEIGHT, y2: HEIGHT });
  const drawing = svg("svg", {
    viewBox: `0 0 ${DAYS * STEP} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true",
    focusable: "false",
  });
  drawing.append(...bars, line);
  return h("figure", { class: "chart" },
    h("figcaption", {}, h("span", {}, name), " ", h("span", { class: "muted small" },
      t(key, { main: number(main), most: number(most) }))),
    drawing);
}

/** @param {ServerDay[]} days */
function table(days) {
  const columns = [
    t("manage.server_day"), t("manage.server_created"), t("manage.server_views"), t("manage.server_burned"),
    t("manage.server_late"), t("manage.server_refused"), t("manage.server_live"), t("manage.server_data"),
  ];
  const rows = days.toReversed().map((day) => h("tr", {},
    h("th", { scope: "row" }, live(() => dayText(day.start))),
    ...[day.created, day.views, day.burned, day.late_tries, day.refusals, day.live_secrets]
      .map((value) => h("td", {}, number(value))),
    h("td", {}, bytes(day.stored_bytes))));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("manage.server_days") },
    h("table", { class: "days" },
      h("thead", {}, h("tr", {}, ...columns.map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, ...rows)));
}

/** @param {Date} start */
function dayText(start) {
  return new Intl.DateTimeFormat(lang, { day: "numeric", month: "short", timeZone: "UTC" }).format(start);
}

/**
 * An element of SVG.
 *
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 */
function svg(tag, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  return node;
}
