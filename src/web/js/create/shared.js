// @ts-check
// What a phone shares with the installed app: its worker keeps it until this page has a form for it.
import { notice, replace } from "../common/dom.js";
import { root, t } from "../common/page.js";
import { scriptUrl } from "../crypto/trusted.js";

/** The page at this address belongs to the app. Elsewhere there is no worker. */
const isApp = location.href.split(/[?#]/)[0] === `${root}share`;
let isExpected = isApp && location.hash === "#shared";
// A page that is loaded again does not ask again; and no other part takes it for a damaged link.
if (isExpected) history.replaceState(null, "", `${root}share`);
/** How long the worker may take to answer. */
const WAIT_MS = 10_000;

/** Starts the worker where it is needed: in the app, and when a browser has just installed it. */
export function startApp() {
  if (!("serviceWorker" in navigator)) return;
  const register = () => navigator.serviceWorker.register(
    /** @type {string} */ (scriptUrl(new URL("share_worker.js", root))),
    { scope: `${root}share`, updateViaCache: "none" },
  );
  window.addEventListener("appinstalled", register);
  if (isApp) register();
}

/**
 * Fills a form with what was shared, once; says in `place` if the worker has nothing.
 *
 * @param {{ fill: (content: { text: string, files: File[] }) => void }} content
 * @param {HTMLElement} place
 */
export async function fillShared({ fill }, place) {
  if (!isExpected) return;
  isExpected = false;
  const { active } = await navigator.serviceWorker.ready;
  const channel = new MessageChannel();
  const answer = new Promise((done) => {
    channel.port1.onmessage = ({ data }) => done(data);
    setTimeout(() => done(null), WAIT_MS);
  });
  active?.postMessage("shared", [channel.port2]);
  const shared = await answer;
  if (shared) fill(shared);
  else replace(place, notice("warn", t("share.title")));
}
