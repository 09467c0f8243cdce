// Runs every example of /openapi.json, by curl and by fetch, against the daemon at SEALDROP with the
// private key KEY and the data directory DATA, each with a fresh object of its own. Reports the examples that fail.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto;
const { SEALDROP, KEY, PROGRAM, DATA } = process.env;
const folder = new URL("../..", import.meta.url);
const described = await (await fetch(`${SEALDROP}/openapi.json`)).json();
const secret = JSON.parse(readFileSync(new URL("docs/recipes/secret.json", folder)));
const LEASE = "q83vEjRWeJCrze8SNFZ4kA";
const REPLY_KEY = "BL_R53SAeb3hDyGhXfL93dS2v3ukoqY5jhaTGgjcMI3hKAVnQ_gxFVqEnn6tK_tPmOpp9xwR5_bJ9HRrDAFHygQ";
const PASSPHRASE = { passphrase: "correct horse" };

// Calls that need a token from a mail.
const skipped = ["askUnsubscribe", "unsubscribe"];
// As long as a sealed file of one byte: the server does not open it.
const sealed = new Uint8Array(7 + 1 + 16);

/** Fetches; an unsuccessful answer is an error. */
async function checked(url, init) {
  const answer = await fetch(url, init);
  if (!answer.ok && answer.status !== 304) {
    throw new Error(`${init?.method ?? "GET"} ${url}: ${answer.status} ${await answer.text()}`);
  }
  return answer;
}

async function call(method, path, body) {
  const headers = { Authorization: `ApiKey ${KEY}`, "Content-Type": "application/json" };
  const answer = await checked(SEALDROP + path, { method, headers, body: body && JSON.stringify(body) });
  return (await answer.json()).data;
}

async function box() {
  const made = await checked(`${SEALDROP}/Service`, { method: "POST", body: new URLSearchParams(PASSPHRASE) });
  const token = (await made.json()).KeyToken;
  const form = new FormData();
  form.set("token", token);
  form.append("files", new Blob(["the plan\n"]), "plan.txt");
  await checked(`${SEALDROP}/Service`, { method: "PUT", body: form });
  const listed = await checked(`${SEALDROP}/Service`, { headers: { token, ...PASSPHRASE } });
  return { token, file: (await listed.json())[0].TemporaryDownloadId };
}

/** Creates the object that a call of this path needs. */
async function prepared(path, id) {
  if (path.startsWith("/Service")) return box();
  if (id === "redeemClaim") {
    const printed = execFileSync(PROGRAM, ["claim", "--json", "--data", DATA], { encoding: "utf8" });
    return { claim: JSON.parse(printed).link.split("#")[1] };
  }
  if (["requestStatus", "deleteRequestOpenly"].includes(id)) {
    const made = await call("POST", "/api/public/secret_requests", {});
    return { id: made.id, manageToken: made.manage_token };
  }
  if (path.includes("secret_requests")) return { id: (await call("POST", "/api/secret_requests", {})).id };
  if (path.includes("account/keys/")) {
    return { id: (await call("POST", "/api/account/keys", { kind: "public" })).id };
  }
  if (path.includes("webhooks")) {
    return { id: (await call("POST", "/api/account/webhooks", { url: "http://localhost:1/" })).id };
  }
  if (["secretStatus", "changeSecretOpenly", "deleteSecretOpenly"].includes(id)) {
    const made = await call("POST", "/api/public/secrets", secret);
    return { id: made.id, manageToken: made.manage_token };
  }
  if (attachments.includes(id)) return draft(id);
  if (id === "replyToSecret") {
    const made = await call("POST", "/api/secrets", { ...secret, reply_key: REPLY_KEY });
    await call("POST", `/api/public/secrets/${made.id}/view`, { lease: LEASE });
    return { id: made.id };
  }
  const made = await call("POST", "/api/secrets", secret);
  if (id === "burnByLease") await call("POST", `/api/public/secrets/${made.id}/view`, { lease: LEASE });
  return { id: made.id, lease: LEASE };
}

const attachments = ["uploadAttachment", "attachmentProgress", "downloadAttachment", "publishDraft", "dropDraft"];

/** A draft; or a whole secret with a lease, if it is to be published or fetched from. */
async function draft(id) {
  const made = await call("POST", "/api/secrets", { ...secret, attachments: 1 });
  const things = { id: made.id, uploadToken: made.upload_token, lease: LEASE, sealed };
  if (!["publishDraft", "downloadAttachment"].includes(id)) return things;
  const headers = { "Upload-Token": made.upload_token };
  await checked(`${SEALDROP}/api/secrets/${made.id}/attachments/1`, { method: "PUT", headers, body: sealed });
  await call("POST", `/api/public/secrets/${made.id}/view`, { lease: LEASE });
  return things;
}

async function run(sample, things) {
  if (sample.lang === "curl") {
    const names = { ...things, manage_token: things.manageToken ?? "", upload_token: things.uploadToken ?? "" };
    const cwd = mkdtempSync(join(tmpdir(), "sample-"));
    writeFileSync(join(cwd, "sealed.bin"), sealed);
    execFileSync("bash", ["-euo", "pipefail", "-c", sample.source], {
      cwd,
      env: { ...process.env, ...names },
      stdio: ["ignore", "ignore", "inherit"],
    });
    return;
  }
  const given = { root: `${SEALDROP}/`, key: KEY, fetch: checked, console: { log() {} }, ...things };
  // A sample may choose a value itself.
  const names = Object.keys(given).filter((name) => !sample.source.includes(`const ${name} =`));
  const AsyncFunction = (async () => {}).constructor;
  await new AsyncFunction(...names, sample.source)(...names.map((name) => given[name]));
}

let count = 0;
for (const [path, item] of Object.entries(described.paths)) {
  for (const operation of Object.values(item)) {
    if (skipped.includes(operation.operationId)) continue;
    for (const sample of operation["x-codeSamples"]) {
      try {
        await run(sample, await prepared(path, operation.operationId));
      } catch (error) {
        console.error(`${operation.operationId} by ${sample.lang}: ${error.message}\n${sample.source}`);
        process.exitCode = 1;
      }
      count += 1;
      // So that no other address is called when the next secret is viewed.
      for (const { id } of (await call("GET", "/api/account")).webhooks) {
        await call("DELETE", `/api/account/webhooks/${id}`);
      }
    }
  }
}
console.log(`${count} examples were run`);
