// Creates a secret as the API document says: a password of two halves of 18 characters, SJCL with the
// four settings it names, base64. Arguments: the node_modules folder; {base, key, text} as JSON.
// Prints {status, id, password_part_public}.

const { join, resolve } = require("node:path");
const { randomBytes } = require("node:crypto");

const sjcl = require(join(resolve(process.argv[2]), "sjcl"));
const { base, key, text } = JSON.parse(process.argv[3]);

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const half = () => Array.from(randomBytes(18), (byte) => letters[byte & 63]).join("");
const [privatePart, publicPart] = [half(), half()];

const message = sjcl.encrypt(privatePart + publicPart, text, { mode: "gcm", ks: 256, iter: 10000 });

fetch(`${base}/api/secrets`, {
  method: "POST",
  headers: { Authorization: `ApiKey ${key}`, "Content-Type": "application/json" },
  body: JSON.stringify({
    ciphertext: Buffer.from(message).toString("base64"),
    password_part_private: Buffer.from(privatePart).toString("base64"),
  }),
}).then(async (response) => {
  const answer = await response.json();
  process.stdout.write(JSON.stringify({
    status: response.status,
    id: answer.data?.id,
    password_part_public: publicPart,
    error: answer.error,
  }));
});
