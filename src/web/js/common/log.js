// @ts-check
// The log of a secret for its sender: views and other events.
import { h } from "./dom.js";
import { joined } from "./live.js";
import { agents, date, t } from "./page.js";

/**
 * The log as a list, newest first.
 *
 * @param {{ views: View[], events: LogEvent[] }} secret
 */
export function viewLog({ views, events }) {
  const all = [
    ...views.map((view) => ({
      what: "viewed", at: view.viewed_at, ip: view.viewed_by_ip, agent: view.viewed_by_user_agent,
    })),
    ...events.map((event) => ({ what: event.event, at: event.at, ip: event.ip, agent: event.user_agent })),
  ];
  if (!all.length) return h("p", { class: "muted" }, t("log.empty"));
  const newest = all.map((entry, order) => ({ ...entry, order }))
    .sort((a, b) => b.at.localeCompare(a.at) || b.order - a.order);
  return h("ol", { class: "list log", reversed: true }, ...newest.map(entryItem));
}

/** @type {Record<string, string>} */
const KINDS = { viewed: "ok", burned: "bad", tried_after: "warn" };

/** @param {{ what: string, at: string, ip: string | null, agent: string | null }} options */
function entryItem({ what, at, ip, agent }) {
  const from = joined([ip, agent && agentName(agent)], " · ");
  return h("li", {},
    h("span", { class: `badge ${KINDS[what] ?? ""}` }, name(what)),
    h("time", { class: "grow", datetime: at }, date(at)),
    (ip || agent) && h("span", { class: "from muted" }, from),
    agent && h("details", { class: "agent" }, h("summary", {}, t("log.agent")),
      h("p", { class: "mono", translate: "no" }, agent)));
}

/**
 * The name of an event; events of newer servers keep their own names.
 *
 * @param {string} what
 */
function name(what) {
  switch (what) {
    case "viewed": return t("log.viewed");
    case "opened": return t("log.opened");
    case "burned": return t("log.burned");
    case "lease_ended": return t("log.lease_ended");
    case "tried_after": return t("log.tried_after");
    case "changed": return t("log.changed");
    default: return what;
  }
}

/**
 * The name of a user agent, such as "Firefox on Windows" or "curl". The names are in src/user_agents.json,
 * and mails use them in the same way (src/user_agent.rs).
 *
 * @param {string} agent
 */
export function agentName(agent) {
  const header = agent.toLowerCase();
  /** @param {string} mark */
  const has = (mark) => header.includes(mark);
  /** @param {AgentNames} names */
  const find = (names) => names.find(([, marks]) => marks.some(has))?.[0];
  const robot = find(agents.robots);
  if (robot) return joined([t("log.robot"), `(${robot})`]);
  const program = find(agents.programs);
  if (program) return program;
  if (agents.robot_marks.some(has)) return t("log.robot");
  const [browser, system] = [find(agents.browsers) ?? t("log.browser"), find(agents.systems)];
  return system ? t("log.browser_on", { browser, system }) : browser;
}
