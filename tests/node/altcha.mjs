// Reads {key, challenge}: a challenge of sealdrop's, and the key that signed it. Solves it, verifies the
// solution, and creates a challenge of its own. Given "verify", reads {key, payload} and verifies the payload.
// ALTCHA's own library does all of this.
import { readFileSync } from "node:fs";
import { createChallenge, solveChallenge, verifySolution } from "altcha-lib";
import { deriveKey } from "altcha-lib/algorithms/pbkdf2";

const given = JSON.parse(readFileSync(0, "utf8"));

/** @param {any} challenge @param {any} solution */
async function verify(challenge, solution) {
  const { verified } = await verifySolution({
    challenge,
    solution,
    deriveKey,
    hmacSignatureSecret: given.key,
  });
  return verified;
}

if (process.argv[2] === "verify") {
  process.stdout.write(JSON.stringify(await verify(given.payload.challenge, given.payload.solution)));
} else {
  const solution = await solveChallenge({ challenge: given.challenge, deriveKey });
  const theirs = await createChallenge({
    algorithm: "PBKDF2/SHA-256",
    cost: 700,
    deriveKey,
    expiresAt: Math.floor(Date.now() / 1000) + 600,
    hmacSignatureSecret: given.key,
    keyPrefix: "0a",
  });
  const verified = await verify(given.challenge, solution);
  process.stdout.write(JSON.stringify({ solution, verified, theirs }));
}
