// What happened to a secret, for its sender: views and other events, in the order in which they happened.
import { h } from "./dom.js";
import { joined } from "./live.js";
import { date, t } from "./page.js";

/** The log of a secret as it stands in a list, newest first. */
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

const KINDS = { viewed: "ok", burned: "bad", tried_after: "warn" };

function entryItem({ what, at, ip, agent }) {
  const from = joined([ip, agent && agentName(agent)], " · ");
  return h("li", {},
    h("span", { class: `badge ${KINDS[what] ?? ""}` }, name(what)),
    h("time", { class: "grow", datetime: at }, date(at)),
    (ip || agent) && h("span", { class: "from muted" }, from),
    agent && h("details", { class: "agent" }, h("summary", {}, t("log.agent")),
      h("p", { class: "mono", translate: "no" }, agent)));
}

/** What an event is called; one that came with a later server has its own name. */
function name(what) {
  switch (what) {
    case "viewed": return t("log.viewed");
    case "opened": return t("log.opened");
    case "burned": return t("log.burned");
    case "lease_ended": return t("log.lease_ended");
    case "tried_after": return t("log.tried_after");
    default: return what;
  }
}

// The first that fits: most browsers claim to be others, too.
const BROWSERS = [
  [/\bEdgA?\/|\bEdgiOS\//, "Edge"], [/\bOPR\/|\bOPT\//, "Opera"], [/\bSamsungBrowser\//, "Samsung Internet"],
  [/\bFirefox\/|\bFxiOS\//, "Firefox"], [/\bChrome\/|\bCriOS\//, "Chrome"],
  [/\bVersion\/.*Safari\//, "Safari"], [/^curl\//, "curl"],
];
const SYSTEMS = [
  [/iPhone/, "iPhone"], [/iPad/, "iPad"], [/Android/, "Android"], [/Windows/, "Windows"], [/CrOS/, "ChromeOS"],
  [/Mac OS X|Macintosh/, "macOS"], [/Linux|X11/, "Linux"],
];

/** What a user agent says it is: "Firefox, Windows"; programs by the word they begin with. */
export function agentName(agent) {
  const find = (names) => names.find(([pattern]) => pattern.test(agent))?.[1];
  // Link previews and scanners name themselves as such.
  const bot = /[\w.-]*(?:bot|crawler|spider|preview|scanner)[\w.-]*/i.exec(agent)?.[0];
  const names = bot ? [bot] : [find(BROWSERS), find(SYSTEMS)].filter(Boolean);
  return names.length ? names.join(", ") : agent.split(/[\s/;(]/)[0].slice(0, 40);
}
