// Encrypts standard input as the Secrets API asks for it and creates a secret that can be viewed once.
// Prints what the receiver needs: the id and the public half of the password.
//
//   SEALDROP=http://127.0.0.1:8080 KEY=private_key_… node create.js < secret.txt

const { readFileSync } = require("node:fs");
const { randomInt } = require("node:crypto");
const sjcl = require("../../tests/node/node_modules/sjcl");

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const half = () => Array.from({ length: 18 }, () => LETTERS[randomInt(LETTERS.length)]).join("");
const base64 = (text) => Buffer.from(text).toString("base64");

async function main() {
  const [privateHalf, publicHalf] = [half(), half()];
  const message = sjcl.encrypt(privateHalf + publicHalf, readFileSync(0, "utf8"), {
    mode: "gcm",
    ks: 256,
    iter: 10000,
    ts: 128,
  });
  const response = await fetch(`${process.env.SEALDROP}/api/secrets`, {
    method: "POST",
    headers: { Authorization: `ApiKey ${process.env.KEY}`, "Content-Type": "application/json" },
    body: JSON.stringify({
      ciphertext: base64(message),
      password_part_private: base64(privateHalf),
      description: "made by a recipe",
    }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error.message);
  console.log(`${answer.data.id}#${base64(publicHalf)}`);
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
