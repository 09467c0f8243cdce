// @ts-check
// The service worker of the installed app. It is served as /share_worker.js, after a line with `OFFLINE`, its
// only page, and its scope is /share: it sees no page of a secret and none of their calls. It keeps what a
// phone shares in memory until the page asks for it, and stores nothing.

/** @type {string} */
// @ts-expect-error The line before this file has it.
const offline = OFFLINE;
/** How long shared data waits for its page: as long as a phone may need to load it. */
const KEPT_MS = 60_000;
/** The address of the page, which is that of the share target, too. */
const PAGE = new URL("share", location.href).href;
const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

/** @type {{ text: string, files: File[] } | null} */
let shared = null;
/** Ends the wait for the page. */
let taken = () => {};

worker.addEventListener("install", () => { worker.skipWaiting(); });
worker.addEventListener("activate", (event) => { event.waitUntil(worker.clients.claim()); });

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.mode !== "navigate" || request.url.split(/[?#]/)[0] !== PAGE) return;
  event.respondWith(request.method === "POST" ? take(event) : page(request));
});

worker.addEventListener("message", (event) => {
  if (event.data !== "shared") return;
  event.ports[0].postMessage(shared);
  shared = null;
  taken();
});

/**
 * Takes what was shared, and leads to the page.
 *
 * @param {FetchEvent} event
 */
async function take(event) {
  taken();
  shared = null;
  const form = await event.request.formData().catch(() => null);
  // The page says that it has got nothing.
  if (!form) return Response.redirect(`${PAGE}#shared`, 303);
  const lines = ["title", "text", "url"].map((name) => form.get(name))
    .filter((line) => typeof line === "string" && line !== "");
  // Many programs repeat the link, or the title, in the text.
  const text = lines.filter((line, at) => !lines.some((other, place) => place !== at
    && String(other).includes(String(line)) && (other !== line || place < at))).join("\n");
  const files = /** @type {File[]} */ (form.getAll("files").filter((file) => file instanceof File));
  shared = { text, files };
  event.waitUntil(new Promise((done) => {
    const end = setTimeout(() => {
      shared = null;
      done(undefined);
    }, KEPT_MS);
    taken = () => {
      clearTimeout(end);
      done(undefined);
    };
  }));
  return Response.redirect(`${PAGE}#shared`, 303);
}

/**
 * The page of the server, or the one that says that there is no connection.
 *
 * @param {Request} request
 */
async function page(request) {
  try {
    return await fetch(request);
  } catch {
    // Another query each time, because a link to the same address with a `#` would load nothing.
    const retry = `share?retry=${Date.now()}${shared ? "#shared" : ""}`;
    return new Response(offline.replace("share?retry", retry), {
      status: 503,
      headers: {
        "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
          + "form-action 'none'; frame-ancestors 'none'",
      },
    });
  }
}
