// Encrypts in the browser, so that the server never sees the text.
const text = "hunter2";
const random = (n) => crypto.getRandomValues(new Uint8Array(n));
const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
const utf8 = (string) => new TextEncoder().encode(string);
const half = () => Array.from(random(9), (byte) => byte.toString(16).padStart(2, "0")).join("");

const [privateHalf, publicHalf, salt, iv] = [half(), half(), random(16), random(16)];
const password = await crypto.subtle.importKey("raw", utf8(privateHalf + publicHalf), "PBKDF2", false, ["deriveKey"]);
const aes = await crypto.subtle.deriveKey(
  { name: "PBKDF2", hash: "SHA-256", salt, iterations: 10000 },
  password, { name: "AES-GCM", length: 256 }, false, ["encrypt"],
);
const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, tagLength: 128 }, aes, utf8(text));
const message = {
  iv: base64(iv), v: 1, iter: 10000, ks: 256, ts: 128, mode: "gcm", adata: "", cipher: "aes",
  salt: base64(salt), ct: base64(new Uint8Array(sealed)),
};
const answer = await fetch(root + "api/secrets", {
  method: "POST",
  headers: { Authorization: `ApiKey ${key}`, "Content-Type": "application/json" },
  body: JSON.stringify({
    ciphertext: btoa(JSON.stringify(message)),
    password_part_private: btoa(privateHalf),
    max_views: 1,
  }),
});
const { data } = await answer.json();
console.log(`${root}${data.id}/#${btoa(publicHalf)}`);
