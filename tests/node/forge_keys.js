// A key pair as node-forge encrypts it in each of its ways: JSON, `{publicKey, keys: {<way>: PEM}}`. The
// passphrase is in the environment, PASS.
"use strict";
const { generateKeyPairSync } = require("node:crypto");
const forge = require("node-forge");

const pair = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});
const key = forge.pki.privateKeyFromPem(pair.privateKey);
const passphrase = forge.util.encodeUtf8(process.env.PASS);
const info = forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(key));
const encrypted = (options) =>
  forge.pki.encryptedPrivateKeyToPem(forge.pki.encryptPrivateKeyInfo(info, passphrase, options));

console.log(JSON.stringify({
  publicKey: pair.publicKey,
  privateKey: pair.privateKey,
  keys: {
    default: forge.pki.encryptRsaPrivateKey(key, passphrase),
    "aes256, sha1": encrypted({ algorithm: "aes256", prfAlgorithm: "sha1" }),
    "aes192, sha256": encrypted({ algorithm: "aes192", prfAlgorithm: "sha256", count: 4096 }),
    "aes128, sha512": encrypted({ algorithm: "aes128", prfAlgorithm: "sha512" }),
    // PKCS#12's, whatever its name says.
    "3des": encrypted({ algorithm: "3des" }),
    des: encrypted({ algorithm: "des" }),
    legacy: forge.pki.encryptRsaPrivateKey(key, passphrase, { legacy: true, algorithm: "aes256" }),
  },
}));
