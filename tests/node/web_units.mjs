// Unit tests of the modules of src/web/js, with WebCrypto and without:
//
//   [SEALDROP_PLAIN_HTTP=1] node --import ./tests/node/web_loader.mjs --test tests/node/web_units.mjs

import assert from "node:assert/strict";
import { test } from "node:test";

const js = new URL("../../src/web/js/", import.meta.url);
const load = (name) => import(new URL(name, js));
const { collect, concat, fromBase64, fromHex, fromUtf8, toBase64, toHex, utf8 } =
  await load("crypto/bytes.js");
const { randomBytes, randomBelow, randomText, leaseToken } = await load("crypto/random.js");
const { newHalves, seal, open, pack, unpack, safeName, CannotOpen } = await load("crypto/secret.js");
const { sealedSize, openedSize, FileSealer, openStream, sealStream, Damaged, FileChanged } =
  await load("crypto/stream.js");

const plainHttp = process.env.SEALDROP_PLAIN_HTTP === "1";
const SEALED_CHUNK = 65_552;
const filled = (length) => Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8)) & 255);
/** A stream that gives bytes in pieces of a size. */
const inPieces = (bytes, size) =>
  new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
      controller.close();
    },
  });

test("bytes and texts turn into each other", () => {
  for (let length = 0; length < 300; length += 1) {
    const bytes = randomBytes(length);
    assert.equal(toBase64(bytes), Buffer.from(bytes).toString("base64"));
    assert.equal(toHex(bytes), Buffer.from(bytes).toString("hex"));
    for (const form of ["base64", "base64url"]) {
      assert.deepEqual(fromBase64(Buffer.from(bytes).toString(form)), bytes);
    }
    assert.deepEqual(fromHex(toHex(bytes)), bytes);
  }
  const large = randomBytes(1 << 20);
  assert.deepEqual(fromBase64(toBase64(large)), large);
  for (const bad of ["*", "å", "A", "AAAA=A"]) assert.throws(() => fromBase64(bad), RangeError, bad);
  for (const bad of ["0", "0g", "0 "]) assert.throws(() => fromHex(bad), RangeError, bad);
  for (const text of ["", "\ufeffx", "åäö 🔑", "\0"]) assert.equal(fromUtf8(utf8(text)), text);
  assert.throws(() => fromUtf8(Uint8Array.of(0xff)));
  assert.deepEqual(concat(Uint8Array.of(1), new Uint8Array(), Uint8Array.of(2, 3)), Uint8Array.of(1, 2, 3));
});

test("every character is equally likely, and nothing comes twice", () => {
  const counts = new Map();
  for (const char of randomText(62_000)) counts.set(char, (counts.get(char) ?? 0) + 1);
  assert.equal(counts.size, 62);
  for (const count of counts.values()) assert.ok(count > 850 && count < 1150, `${count}`);
  const seen = Array.from({ length: 3000 }, () => randomBelow(3));
  assert.deepEqual([...new Set(seen)].sort(), [0, 1, 2]);
  assert.match(leaseToken(), /^[A-Za-z0-9_-]{22,64}$/);
  assert.notEqual(leaseToken(), leaseToken());
  const { privateHalf, publicHalf } = newHalves();
  assert.match(privateHalf + publicHalf, /^[A-Za-z0-9]{36}$/);
  assert.notEqual(privateHalf, publicHalf);
});

test("numbers that would make some characters likelier are thrown away", (t) => {
  // 2^32 is 4 more than a whole multiple of 62: the last four numbers must not count.
  const numbers = [0xffffffff, 0xfffffffc, 61];
  t.mock.method(globalThis.crypto, "getRandomValues", (array) => array.fill(numbers.shift()));
  assert.equal(randomBelow(62), 61);
});

test("a secret opens with its password only", async () => {
  for (const text of ["", "hunter2", "åäö 🔑 \0 \ufeff", "x".repeat(1 << 20)]) {
    const ciphertext = await seal("private" + "public", text);
    assert.equal(await open("privatepublic", ciphertext), text);
    await assert.rejects(open("publicprivate", ciphertext), { name: "CannotOpen", reason: "key" });
  }
  assert.notEqual(await seal("x", "same"), await seal("x", "same"));
});

test("what is no secret is refused, and what was changed", async () => {
  const good = JSON.parse(fromUtf8(fromBase64(await seal("x", "text"))));
  const sealed = (change) => toBase64(utf8(JSON.stringify({ ...good, ...change })));
  assert.equal(await open("x", sealed({})), "text");
  // Fields that SJCL writes or omits, in any order.
  const { v, iter, adata, cipher, ...least } = good;
  assert.equal(await open("x", toBase64(utf8(JSON.stringify(least)))), "text");
  assert.equal(
    await open("x", toBase64(utf8(JSON.stringify(Object.fromEntries(Object.entries(good).reverse()))))),
    "text",
  );
  assert.equal(await open("x", sealed({ kemtag: "more", iv: good.iv.replace(/=+$/, "") })), "text");
  const refused = [
    { v: 2 },
    { ks: 128 },
    { ks: undefined },
    { ks: "256" },
    { mode: "ccm" },
    { mode: undefined },
    { cipher: "des" },
    { ts: 32 },
    { ts: "128" },
    { iter: 0 },
    { iter: 1.5 },
    { iter: 2_000_001 },
    { iter: "10000" },
    { iv: undefined },
    { iv: "AAAA" },
    { iv: "*" },
    { iv: 7 },
    { iv: `${good.iv.slice(0, 22)}AAAA` },
    { salt: undefined },
    { ct: "" },
    { ct: "AAAA" },
    { ct: undefined },
    { adata: 7 },
  ];
  for (const change of refused) {
    await assert.rejects(open("x", sealed(change)), { reason: "damaged" }, JSON.stringify(change));
  }
  for (const bad of [
    "",
    "*",
    toBase64(utf8("[]")),
    toBase64(utf8("null")),
    toBase64(utf8("7")),
    toBase64(utf8("{")),
  ]) {
    await assert.rejects(open("x", bad), { reason: "damaged" }, bad);
  }
  const other = (text) => toBase64(fromBase64(text).map((byte, at) => (at === 0 ? byte ^ 1 : byte)));
  for (const change of [
    { iv: other(good.iv) },
    { salt: other(good.salt) },
    { ct: other(good.ct) },
    { adata: "AAAA" },
    { ts: 96 },
  ]) {
    await assert.rejects(open("x", sealed(change)), CannotOpen, JSON.stringify(change));
    await assert.rejects(open("x", sealed(change)), { reason: "key" }, JSON.stringify(change));
  }
});

test("a text with attachments comes out as it went in", () => {
  assert.equal(pack({ text: "plain" }), "plain");
  assert.equal(pack({ text: "" }), "");
  for (const text of ["plain", "", "{}", '{"sealdrop":1,"text":"x","attachments":[]}', "[", "\ud800"]) {
    assert.deepEqual(unpack(pack({ text })), { text, attachments: [], reply: "" });
  }
  const [data, key] = [Uint8Array.of(1, 2, 255), randomBytes(32)];
  const attachments = [
    { name: "in.bin", type: "", size: 3, data },
    { name: "åäö.pdf", type: "application/pdf", size: 5e9, n: 1, key },
  ];
  const packed = pack({ text: "t", attachments });
  assert.deepEqual(JSON.parse(packed), {
    sealdrop: 1,
    text: "t",
    attachments: [
      { name: "in.bin", size: 3, data: "AQL/" },
      { name: "åäö.pdf", type: "application/pdf", size: 5e9, n: 1, key: toBase64(key) },
    ],
  });
  assert.deepEqual(unpack(packed), { text: "t", attachments, reply: "" });
  // Content that is not of this form is a text: nothing is lost.
  const file = { name: "a", size: 1, n: 1, key: toBase64(key) };
  const wrong = [
    { ...file, name: 7 },
    { ...file, n: 0 },
    { ...file, n: "1" },
    { ...file, size: -1 },
    { ...file, size: undefined },
    { ...file, key: "AAAA" },
    { ...file, key: undefined },
    { ...file, key: undefined, data: "*" },
    null,
    7,
  ];
  for (const attachment of wrong) {
    const text = JSON.stringify({ sealdrop: 1, text: "t", attachments: [file, attachment] });
    assert.deepEqual(unpack(text), { text, attachments: [], reply: "" });
  }
  for (const text of ["{", "{}", '{"sealdrop":2,"text":"","attachments":[]}', '{"sealdrop":1,"text":""}']) {
    assert.deepEqual(unpack(text), { text, attachments: [], reply: "" });
  }
  const typed = unpack(
    pack({ text: "", attachments: [{ name: "x", type: "text/html; charset=x\r\n", data }] }),
  );
  assert.equal(typed.attachments[0].type, "");
});

test("names of files are safe", () => {
  const cases = [
    ["key.pdf", "key.pdf"],
    ["../../etc/passwd", "passwd"],
    ["C:\\Users\\x.exe", "x.exe"],
    ["", "file"],
    ["..", "file"],
    [".bashrc", "bashrc"],
    ["a/", "file"],
    ["\u202egpj.exe", "_gpj.exe"],
    ["a\nb\0", "a_b_"],
    ["  x.txt ", "x.txt"],
    ["a:b*c?.txt", "a_b_c_.txt"],
    ["smörgås 🔑.txt", "smörgås 🔑.txt"],
    ["x".repeat(300) + ".pdf", "x".repeat(176) + ".pdf"],
    ["å".repeat(300), "å".repeat(90)],
  ];
  for (const [name, safe] of cases) assert.equal(safeName(name), safe);
});

const SIZES = [0, 1, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073, 200_000];

test("lengths before and after sealing", () => {
  for (const size of [...SIZES, 2 ** 40]) assert.equal(openedSize(sealedSize(size)), size);
  assert.equal(sealedSize(0), 23);
  assert.equal(sealedSize(65_537), 7 + 65_537 + 32);
  for (const never of [0, 7, 22, 7 + SEALED_CHUNK + 1, 7 + SEALED_CHUNK + 16])
    assert.equal(openedSize(never), null);
});

test("a slice that is sealed again comes out the same, wherever it is cut", async () => {
  for (const size of SIZES) {
    const blob = new Blob([filled(size)]);
    const sealer = await FileSealer.create();
    const end = sealedSize(size);
    const whole = await sealer.seal(blob, 0, end);
    assert.equal(whole.length, end);
    assert.deepEqual(whole.subarray(0, 7), sealer.prefix);
    const places = [0, 7, 7 + SEALED_CHUNK, 7 + 2 * SEALED_CHUNK, 3, 65_536, 131_072, end - 1, end];
    // SJCL is slow, and does not cut differently.
    const borders = (plainHttp ? [7, 65_536, end] : places).filter((at) => at <= end);
    for (const from of borders) {
      for (const to of borders.filter((to) => to >= from)) {
        assert.ok(
          Buffer.compare(await sealer.seal(blob, from, to), whole.subarray(from, to)) === 0,
          `${size} ${from} ${to}`,
        );
      }
    }
    const again = await FileSealer.create(sealer.key, sealer.prefix);
    assert.ok(Buffer.compare(await again.seal(blob, 0, end), whole) === 0);
    for (const [from, to] of [
      [-1, 7],
      [8, 7],
      [0, end + 1],
    ]) {
      await assert.rejects(sealer.seal(blob, from, to), RangeError);
    }
    await assert.rejects(sealer.seal(new Blob(["other"]), 0, 7), /one file/);
    for (const piece of plainHttp ? [65_536] : [end, 1000, 65_536]) {
      assert.ok(
        Buffer.compare(
          await collect(openStream(sealer.key, inPieces(whole, piece), { size })),
          filled(size),
        ) === 0,
      );
    }
    const streamed = await collect(sealStream(sealer.key, inPieces(filled(size), 999), sealer.prefix));
    assert.ok(Buffer.compare(streamed, whole) === 0);
  }
});

test("a file that is edited meanwhile is not sealed once more", async () => {
  const before = filled(150_000);
  const after = before.slice();
  after[140_000] ^= 1;
  let content = before;
  // A file whose content changes at each read, and whose size does not.
  const blob = { size: before.length, slice: (from, to) => new Blob([content.subarray(from, to)]) };
  const sealer = await FileSealer.create();
  const end = sealedSize(before.length);
  const whole = await sealer.seal(blob, 0, end);
  content = after;
  await assert.rejects(sealer.seal(blob, 0, end), FileChanged);
  await assert.rejects(sealer.seal(blob, end - 1, end), FileChanged);
  // Unchanged parts are still returned, and so is everything once the file is restored.
  const first = 7 + SEALED_CHUNK;
  assert.ok(Buffer.compare(await sealer.seal(blob, 0, first), whole.subarray(0, first)) === 0);
  content = before;
  assert.ok(Buffer.compare(await sealer.seal(blob, 0, end), whole) === 0);
  content = before.subarray(0, -1);
  await assert.rejects(sealer.seal(blob, end - 1, end), FileChanged);
});

test("a file that is cut, changed, reordered or longer does not open", async () => {
  const size = 3 * 65_536;
  const sealer = await FileSealer.create();
  const whole = await sealer.seal(new Blob([filled(size)]), 0, sealedSize(size));
  const chunk = (number) => whole.subarray(7 + number * SEALED_CHUNK, 7 + (number + 1) * SEALED_CHUNK);
  const start = whole.subarray(0, 7);
  const changed = whole.slice();
  changed[100_000] ^= 1;
  const bad = [
    new Uint8Array(),
    start,
    start.subarray(0, 3),
    whole.subarray(0, -1),
    concat(start, chunk(0)),
    concat(start, chunk(0), chunk(1)),
    concat(start, chunk(0), chunk(2)),
    concat(start, chunk(1), chunk(0), chunk(2)),
    concat(start, chunk(2)),
    concat(whole, Uint8Array.of(0)),
    concat(whole, chunk(2)),
    concat(whole, new Uint8Array(16)),
    changed,
    concat(
      start.map((byte) => byte ^ 1),
      chunk(0),
      chunk(1),
      chunk(2),
    ),
  ];
  for (const [number, sealed] of bad.entries()) {
    await assert.rejects(collect(openStream(sealer.key, inPieces(sealed, 65_536))), Damaged, `${number}`);
  }
  await assert.rejects(collect(openStream(randomBytes(32), inPieces(whole, 65_536))), Damaged);
  for (const wrong of [size - 1, size + 1, 0]) {
    await assert.rejects(collect(openStream(sealer.key, inPieces(whole, 65_536), { size: wrong })), Damaged);
  }
});

test("no more is held than a slice", async () => {
  // A blob that records what was read of it.
  const reads = [];
  const blob = new Blob([filled(1 << 20)]);
  const slice = blob.slice.bind(blob);
  blob.slice = (from, to) => (reads.push([from, Math.min(to, blob.size)]), slice(from, to));
  blob.arrayBuffer = () => assert.fail("the whole file is read");
  const sealer = await FileSealer.create();
  await sealer.seal(blob, 7 + SEALED_CHUNK, 7 + 3 * SEALED_CHUNK);
  assert.deepEqual(reads, [[65_536, 3 * 65_536]]);
});
