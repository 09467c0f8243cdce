// Lighthouse on the pages of a built program, as on a phone:
//
//   cargo build --release
//   (cd tests/lighthouse && npm ci --ignore-scripts)
//   node tests/lighthouse/run.mjs target/release/sealdrop [PAGE…]
//
// Fails below 95 for performance, accessibility or best practices. SEO is left out: no page wants to be found.
// Other programs slow a page down at random, so each is measured three times, and the median counts.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launch } from "chrome-launcher";
import lighthouse from "lighthouse";

const LEAST = 95;
const CATEGORIES = ["performance", "accessibility", "best-practices"];
/** How long the program may take to start. */
const START_MS = 30_000;

const [program, ...wanted] = process.argv.slice(2);
if (!program) {
  console.error("usage: node tests/lighthouse/run.mjs PROGRAM [PAGE…]");
  process.exit(2);
}

const data = mkdtempSync(join(tmpdir(), "lighthouse-"));
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const daemon = spawn(program, [], {
  env: {
    ...process.env, SEALDROP_LISTEN: `127.0.0.1:${port}`, SEALDROP_DATA: join(data, "data"), SEALDROP_CREATE: "open",
    SEALDROP_BOXES: "open",
  },
  stdio: ["ignore", "pipe", "inherit"],
});
let printed = "";
daemon.stdout.on("data", (text) => { printed += text; });
const chrome = await launch({
  chromePath: process.env.SEALDROP_CHROMIUM || "/usr/bin/chromium",
  chromeFlags: ["--headless", "--no-sandbox", "--disable-gpu"],
});

let isLow = false;
try {
  await ready();
  // The first page of a new browser is measured together with the browser's start.
  await lighthouse(`${url}/docs`, { port: chrome.port, onlyCategories: CATEGORIES, logLevel: "error" });
  console.log(`${"page".padEnd(12)} ${CATEGORIES.join("  ")}`);
  for (const [name, path] of Object.entries(await paths())) {
    if (wanted.length && !wanted.includes(name)) continue;
    const { lhr, scores } = await measured(url + path);
    console.log(`${name.padEnd(12)} ${scores.map((score, at) => String(score).padStart(CATEGORIES[at].length)).join("  ")}`);
    if (scores.some((score) => score < LEAST)) {
      isLow = true;
      for (const category of CATEGORIES) {
        for (const { id, weight } of lhr.categories[category].auditRefs) {
          const { score, title, displayValue } = lhr.audits[id];
          if (weight > 0 && score !== null && score < 1) console.log(`  ${category}: ${title} ${displayValue ?? ""}`);
        }
      }
    }
  }
} finally {
  chrome.kill();
  daemon.kill();
  await new Promise((done) => { daemon.on("exit", done); });
  rmSync(data, { recursive: true });
}
process.exit(isLow ? 1 : 0);

/** The median of three measurements of a page, by the lowest score. */
async function measured(address) {
  const found = [];
  while (found.length < 3) {
    const { lhr } = await lighthouse(address, { port: chrome.port, onlyCategories: CATEGORIES, logLevel: "error" });
    if (lhr.runtimeError) throw new Error(`${address}: ${lhr.runtimeError.message}`);
    const scores = CATEGORIES.map((category) => Math.round((lhr.categories[category].score ?? 0) * 100));
    found.push({ lhr, scores, lowest: Math.min(...scores) });
  }
  found.sort((one, other) => one.lowest - other.lowest);
  return found[1];
}

/** The page of each kind, with something to show. */
async function paths() {
  const sent = spawnSync(program, ["send", "--server", url, "--views", "99", "--json"], {
    input: "text", encoding: "utf8",
  });
  if (sent.status !== 0) throw new Error(sent.stderr);
  const { link, status_link: status } = JSON.parse(sent.stdout);
  const box = await post("/Service", new URLSearchParams({ passphrase: "a passphrase of a box" }));
  const { data: request } = await post("/api/public/secret_requests", JSON.stringify({ message: "The code" }), {
    "Content-Type": "application/json",
  });
  return {
    start: "/", viewing: link.slice(url.length), status: status.slice(url.length), manage: "/manage",
    ask: "/ask", asked: `/req/${request.id}`, answers: `/req/${request.id}/status#${request.manage_token}`,
    box: `/box/${box.KeyToken}`, boxes: "/box", docs: "/docs", claim: `/claim#${"0".repeat(64)}`,
  };
}

async function post(path, body, headers = {}) {
  const response = await fetch(url + path, { method: "POST", body, headers });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

async function ready() {
  const end = Date.now() + START_MS;
  for (;;) {
    const isReady = await fetch(`${url}/ready`).then(({ ok }) => ok, () => false);
    if (isReady) return;
    if (Date.now() > end || daemon.exitCode !== null) throw new Error(`the program does not start:\n${printed}`);
    await new Promise((done) => { setTimeout(done, 100); });
  }
}

async function freePort() {
  const server = createServer();
  await new Promise((done) => { server.listen(0, "127.0.0.1", done); });
  const { port } = server.address();
  await new Promise((done) => { server.close(done); });
  return port;
}
