// Unit tests of the modules of boxes, QR codes and passwords; web_units.mjs has those of the rest of
// src/web/js.

import assert from "node:assert/strict";
import { test } from "node:test";

const js = new URL("../../src/web/js/", import.meta.url);
const load = (name) => import(new URL(name, js));
const { collect, fromBase64, toBase64, utf8 } = await load("crypto/bytes.js");
const { randomBytes } = await load("crypto/random.js");
const { BadDer, DerReader, fromPem, integer, octets, oid, sequence, toPem } = await load("crypto/der.js");
const { createBoxKey, openBoxKey } = await load("crypto/box_key.js");
const envelope = await load("crypto/envelope.js");
const { sealStream } = await load("crypto/stream.js");
const { scriptUrl } = await load("crypto/trusted.js");
const { randomCharacters, randomWords, strength } = await load("common/words.js");

const plainHttp = process.env.SEALDROP_PLAIN_HTTP === "1";

test("DER and PEM are read as they are written", () => {
  for (const number of [0, 1, 127, 128, 255, 256, 65_535, 600_000, 2 ** 40]) {
    assert.equal(new DerReader(integer(number)).integer(), number);
  }
  for (const name of ["1.2.840.113549.1.5.13", "2.16.840.1.101.3.4.1.42", "0.9.1", "1.39", "2.999.3"]) {
    assert.equal(new DerReader(oid(name)).oid(), name);
  }
  for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536, 70_000]) {
    const reader = new DerReader(sequence(octets(new Uint8Array(length))));
    const inner = reader.sequence();
    assert.equal(inner.octets().length, length);
    inner.end();
    reader.end();
    const pem = toPem("X", octets(new Uint8Array(length)));
    assert.deepEqual(
      fromPem("X", `text\r\n${pem.replaceAll("\n", "\r\n")} more`),
      octets(new Uint8Array(length)),
    );
  }
  const bad = [
    "",
    "04",
    "0401",
    "0480",
    "048101ff",
    "04820001ff",
    "0484000000ff",
    "0400ff",
    "0200",
    "0201ff",
    "02070000000000000000",
    "0601ff",
  ];
  for (const hex of bad) {
    assert.throws(
      () => {
        const reader = new DerReader(Uint8Array.from(Buffer.from(hex, "hex")));
        ({ 2: () => reader.integer(), 6: () => reader.oid() })[Number(hex[1])]?.() ?? reader.octets();
        reader.end();
      },
      BadDer,
      hex,
    );
  }
  assert.throws(() => fromPem("X", toPem("Y", octets(utf8("x")))), BadDer);
});

test("without WebCrypto boxes say what they need", { skip: !plainHttp }, async () => {
  const calls = [
    () => createBoxKey("x"),
    () => openBoxKey("x", "x"),
    () => envelope.importPublicKey("x"),
    () => envelope.unwrapKey({}, ""),
  ];
  for (const call of calls) await assert.rejects(call, { name: "NeedsSecureContext" });
});

test("an envelope opens whatever its size, and only whole", async () => {
  const key = randomBytes(32);
  const seal = (bytes) =>
    collect(sealStream(key, new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"))));
  for (const size of [0, 1, 65_535, 65_536, 300_000]) {
    for (const bytes of [randomBytes(size), new Uint8Array(size)]) {
      const sealed = await seal(bytes);
      const open = (sealed, limit) =>
        collect(envelope.openEnvelope(key, new Blob([sealed]).stream(), { limit }));
      assert.ok(Buffer.compare(await open(sealed, size), bytes) === 0, `${size}`);
      if (size > 0) await assert.rejects(open(sealed, size - 1), { name: "TooLong" });
      await assert.rejects(open(sealed.subarray(0, -1)), { name: "Damaged" });
      await assert.rejects(open(new Uint8Array([...sealed, 0])), { name: "Damaged" });
      await assert.rejects(open(sealed.map((byte, at) => (at === 9 ? byte ^ 1 : byte))), { name: "Damaged" });
    }
  }
  // A client with the public key can seal any content.
  const gzip = await collect(new Blob(["good"]).stream().pipeThrough(new CompressionStream("gzip")));
  for (const [inside, good] of [
    [gzip, true],
    [new Uint8Array(), false],
    [utf8("no gzip"), false],
    [gzip.subarray(0, -1), false],
  ]) {
    const sealed = await collect(sealStream(key, new Blob([inside]).stream()));
    const opened = collect(envelope.openEnvelope(key, new Blob([sealed]).stream()));
    await (good ? opened : assert.rejects(opened, { name: "Damaged" }));
  }
  // An error of the network is not damage.
  const lost = new ReadableStream({ pull: () => Promise.reject(new TypeError("network")) });
  await assert.rejects(collect(envelope.openEnvelope(key, lost)), { name: "TypeError", message: "network" });
  assert.equal(await envelope.openText(key, toBase64(await seal("åäö"))), "åäö");
  await assert.rejects(envelope.openText(key, toBase64(await seal(Uint8Array.of(255)))), { name: "Damaged" });
  await assert.rejects(envelope.openText(key, "*"), { name: "Damaged" });
  await assert.rejects(envelope.openText(key, toBase64(await seal(new Uint8Array(1000))), 999), {
    name: "TooLong",
  });
  assert.deepEqual(await envelope.openName(key, "../plain.txt"), { name: "plain.txt" });
});

test("a box key opens with its passphrase, and a file for it", { skip: plainHttp }, async () => {
  const made = await createBoxKey("lösen 🔑", { bits: 2048 });
  assert.match(made.privateKeyHash, /^[0-9a-f]{64}$/);
  const opened = await openBoxKey(made.privateKey, "lösen 🔑");
  assert.equal(opened.publicKey, made.publicKey);
  assert.equal(opened.privateKeyHash, made.privateKeyHash);
  assert.equal(opened.key.extractable, false);
  await assert.rejects(openBoxKey(made.privateKey, "losen"), { name: "WrongPassphrase" });
  const damaged = made.privateKey.replace(/\n./, "\nA");
  for (const bad of ["", made.publicKey, damaged]) {
    await assert.rejects(openBoxKey(bad, "x"), { name: "UnreadableKey" });
  }

  const publicKey = await envelope.importPublicKey(made.publicKey);
  for (const bad of ["", "x", toPem("PUBLIC KEY", utf8("x"))]) {
    await assert.rejects(envelope.importPublicKey(bad), { name: "UnusableKey" });
  }
  const bytes = randomBytes(20 << 20);
  const seen = [];
  const file = new File([bytes], "åäö.bin", { type: "image/png" });
  const sealed = await envelope.sealFile(publicKey, file, { onProgress: (done) => seen.push(done) });
  assert.deepEqual(
    seen,
    Array.from({ length: 80 }, (_, at) => (at + 1) * (256 << 10)),
  );
  const key = await envelope.unwrapKey(opened.key, sealed.encryptionkey);
  assert.deepEqual(await envelope.openName(key, sealed.name), {
    name: "åäö.bin",
    type: "image/png",
    sha256: undefined,
  });
  assert.ok(Buffer.compare(await collect(envelope.openEnvelope(key, sealed.blob.stream())), bytes) === 0);
  await assert.rejects(
    envelope.unwrapKey(opened.key, toBase64(fromBase64(sealed.encryptionkey).map((byte) => byte ^ 1))),
    { name: "Damaged" },
  );

  const stop = new AbortController();
  const stopped = envelope.sealFile(publicKey, file, { signal: stop.signal, onProgress: () => stop.abort() });
  await assert.rejects(stopped, { name: "AbortError" });
});

test("only our own scripts are run", () => {
  assert.equal(
    scriptUrl(new URL("crypto/captcha_worker.js", js)),
    new URL("crypto/captcha_worker.js", js).href,
  );
  for (const other of [
    "https://elsewhere.example/x.js",
    "data:text/javascript,0",
    "blob:null/x",
    new URL("../up.js", js),
  ]) {
    assert.throws(() => scriptUrl(other), TypeError, String(other));
  }
});

test("passwords that are made are random", async () => {
  assert.match(await randomWords(6), /^[a-z]+(-[a-z]+){5,}$/);
  assert.notEqual(await randomWords(5), await randomWords(5));
  assert.match(randomCharacters(20), /^[2-9A-HJ-NP-Za-km-z]{20}$/);
  const { default: words } = await load("vendor/words.js");
  assert.equal(new Set(words).size, 1296);
});

test("how hard a password is to guess", async () => {
  const levels = [
    [
      0,
      [
        "",
        "a",
        "aaaaaaaaaaaa",
        "password",
        "P@ssw0rd",
        "Password123!",
        "qwerty",
        "1234567890",
        "abcabcabc",
        "19801224",
        "1980-12-24",
        "24/12/1980",
        "Sommar2024!",
        "hunter2",
        "hello world",
        "fedcba",
        "x".repeat(500),
        "Lösenord1",
      ],
    ],
    [1, ["Tr0ub4dor&3", "fluffykatten97", "mjukglass juli"]],
    [2, ["correct horse tray", "correcthorsebatterystaple"]],
    [3, ["correct horse battery staple wagon", "yEgYsAz3kbG7"]],
    [4, ["xK9#mQ2$vL5p", "KMrfgb8A2pn8kFKK", "ö8#Å!kQ]x7Zp"]],
  ];
  for (const [level, passwords] of levels) {
    for (const password of passwords)
      assert.equal(strength(password).level, level, `${password} ${strength(password).bits}`);
  }
  // 5 words out of 1,296 have 52 bits, 16 of 57 characters 93. A few look weaker than they are, by chance.
  const median = (numbers) => numbers.sort((a, b) => a - b)[50];
  const words = await Promise.all(
    Array.from({ length: 101 }, async () => strength(await randomWords(5)).bits),
  );
  const characters = Array.from({ length: 101 }, () => strength(randomCharacters(16)).bits);
  assert.ok(median(words) > 45 && median(words) < 70, `${words}`);
  assert.ok(median(characters) > 85 && median(characters) < 100, `${characters}`);
  assert.equal(strength(randomCharacters(20_000)).level, 4);
});
