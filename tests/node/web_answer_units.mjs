// The keys for answers: the vectors, which src/crypto/answer_key.rs opens as well, and other keys.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const js = new URL("../../src/web/js/", import.meta.url);
const { fingerprint, newAnswerKey, openHalf, sealHalf } = await import(new URL("crypto/answer_key.js", js));
const { hasWebCrypto } = await import(new URL("crypto/engine.js", js));
const vectors = JSON.parse(readFileSync(new URL("../vectors/answers.json", import.meta.url)));

if (!hasWebCrypto()) {
  test("a page over plain http has no keys for answers", async () => {
    await assert.rejects(newAnswerKey(), { name: "NeedsSecureContext" });
    await assert.rejects(sealHalf(vectors[0].answer_key, "id", "half"), { name: "NeedsSecureContext" });
  });
} else {
  test("the vectors open", async () => {
    assert.ok(vectors.length >= 2);
    for (const { private_key: privateKey, answer_key: publicKey, ...vector } of vectors) {
      assert.equal(await fingerprint(publicKey), vector.fingerprint);
      assert.equal(await openHalf({ publicKey, privateKey }, vector.id, vector.sealed_part), vector.public_half);
    }
  });

  test("only the key and the id open it", async () => {
    const [pair, other] = [await newAnswerKey(), await newAnswerKey()];
    assert.match(pair.publicKey, /^[\w-]{87}$/);
    assert.match(pair.privateKey, /^[\w-]{43}$/);
    const sealed = await sealHalf(pair.publicKey, "id", "hälf");
    assert.equal(await openHalf(pair, "id", sealed), "hälf");
    assert.notEqual(await sealHalf(pair.publicKey, "id", "hälf"), sealed);
    const changed = sealed.slice(0, -2) + (sealed.endsWith("AA") ? "BA" : "AA");
    const wrong = [
      [other, "id", sealed], [pair, "other", sealed], [pair, "id", changed], [pair, "id", ""],
      [{ ...pair, publicKey: other.publicKey }, "id", sealed], [{ ...pair, privateKey: "A" }, "id", sealed],
    ];
    for (const [keys, id, text] of wrong) {
      await assert.rejects(openHalf(keys, id, text), { name: "OtherAnswerKey" });
    }
    await assert.rejects(sealHalf(`${pair.publicKey.slice(0, -3)}AAA`, "id", "half"));
  });
}
