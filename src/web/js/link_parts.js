// Finding the id of a secret and the public half of its password in a link, also where a mail program or a hasty
// selection has damaged it. What is found here is checked by nobody but the ciphertext.

import { fromBase64, fromUtf8, toBase64, utf8 } from "./crypto/bytes.js";

const ID = /(?:^|[/?])([0-9A-Za-z]{31})(?![0-9A-Za-z])/;
/** An id, and behind its # what begins with the key. Other # may stand before: "Ticket #4711: https://…". */
const LINK = new RegExp(`${ID.source}[^\\s#]*?\\s*(?:#|%23)(.*)$`, "s");
/** Fewer characters than that are no key: where there is a space among them, it was cut into lines. */
const SHORT = 18;

/**
 * `{ id, publicHalf }` of the address of a page (a Location, or a URL): `/<id>/#<key>` or `/?<id>#<key>`. Either
 * is null where it is missing, or too damaged.
 */
export function partsOfAddress({ pathname, search, hash }) {
  const id = (ID.exec(pathname) ?? ID.exec(search))?.[1] ?? null;
  return { id, publicHalf: publicHalfOf(hash.slice(1)) };
}

/** The same of what somebody has pasted: a whole link, perhaps with text around it, or the key alone. */
export function partsOfText(text) {
  const whole = text.trim();
  const link = LINK.exec(whole);
  if (link) return { id: link[1], publicHalf: publicHalfOf(link[2]) };
  const id = ID.exec(whole)?.[1] ?? null;
  // A link without its key must not be taken for one.
  return { id, publicHalf: id ? null : publicHalfOf(whole.replace(/^.*?(?:#|%23)/s, "")) };
}

/** What stands behind the `#` of a link for this half. */
export function fragmentOf(publicHalf) {
  return toBase64(utf8(publicHalf));
}

/** The half that a fragment holds, or null. */
export function publicHalfOf(fragment) {
  // Mails write "=3D" for "=", and break lines behind a "=" (RFC 2045, 6.7).
  const bare = firstWord(unescaped(fragment)).replace(/[\s\u00ad\u200b-\u200d\u2060\ufeff]/gu, "")
    .replace(/=3D/g, "=").replace(/=(?=[0-9A-Za-z])/g, "").split(/[&?#]/)[0];
  const encoded = /^["'<([{„“”‘’«»]*([0-9A-Za-z+/_-]+)/.exec(bare)?.[1];
  if (!encoded) return null;
  // A single character at the end stands for nothing: markup that came along, as in _link_ or link/.
  const whole = encoded.length % 4 === 1 ? encoded.slice(0, -1) : encoded;
  return decoded(whole) ?? decoded(whole.replace(/[_/+-]+$/, ""));
}

/** Up to the first space, unless that would be too short for a key: then up to the next one. */
function firstWord(text) {
  const [first = "", ...others] = text.trim().split(/\s+/);
  return others.reduce((key, word) => (key.length < SHORT ? key + word : key), first);
}

/** Without percent signs, also where a program has escaped twice. */
function unescaped(text) {
  let plain = text;
  for (let times = 0; times < 2 && /%[0-9a-f]{2}/i.test(plain); times += 1) {
    try {
      plain = decodeURIComponent(plain);
    } catch {
      return plain.replaceAll(/%3d/gi, "=").replaceAll(/%2b/gi, "+").replaceAll(/%2f/gi, "/").split("%")[0];
    }
  }
  return plain;
}

function decoded(encoded) {
  try {
    const half = fromUtf8(fromBase64(encoded));
    // A password is something that can be written down.
    return half !== "" && !/\p{Cc}/u.test(half) ? half : null;
  } catch {
    return null;
  }
}
