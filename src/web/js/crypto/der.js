// @ts-check
// The part of DER (ITU-T X.690) and PEM (RFC 7468) that private keys need.

import { concat, fromBase64, toBase64 } from "./bytes.js";

/** The data is not DER or PEM, or not the expected structure. */
export class BadDer extends Error {
  constructor(message = "This is not the expected DER.") {
    super(message);
    this.name = "BadDer";
  }
}

const INTEGER = 0x02;
const OCTETS = 0x04;
const NULL = 0x05;
const OID = 0x06;
const SEQUENCE = 0x30;

/** Reads elements in order. Each method throws BadDer if the next element is of another type. */
export class DerReader {
  #bytes;
  #at = 0;

  /** @param {Bytes} bytes */
  constructor(bytes) {
    this.#bytes = bytes;
  }

  /** Whether the next element is a sequence; false at the end. */
  get hasSequence() {
    return this.#bytes[this.#at] === SEQUENCE;
  }

  /** Whether the next element is an integer; false at the end. */
  get hasInteger() {
    return this.#bytes[this.#at] === INTEGER;
  }

  /** A reader for the content of a sequence. */
  sequence() {
    return new DerReader(this.#element(SEQUENCE));
  }

  octets() {
    return this.#element(OCTETS);
  }

  null() {
    if (this.#element(NULL).length !== 0) throw new BadDer();
  }

  /** A whole number from 0 to 2^48. */
  integer() {
    const bytes = this.#element(INTEGER);
    if (bytes.length === 0 || bytes.length > 6 || bytes[0] > 127) throw new BadDer();
    return bytes.reduce((number, byte) => number * 256 + byte, 0);
  }

  /** An object identifier, with dots. */
  oid() {
    const bytes = this.#element(OID);
    const arcs = [];
    let arc = 0;
    for (const byte of bytes) {
      arc = arc * 128 + (byte & 127);
      if (byte < 128) {
        arcs.push(arc);
        arc = 0;
      }
    }
    if (arcs.length === 0 || bytes[bytes.length - 1] > 127) throw new BadDer();
    const first = Math.min(2, Math.floor(arcs[0] / 40));
    return [first, arcs[0] - first * 40, ...arcs.slice(1)].join(".");
  }

  /** Throws if anything is left. */
  end() {
    if (this.#at !== this.#bytes.length) throw new BadDer();
  }

  /** @param {number} tag */
  #element(tag) {
    if (this.#byte() !== tag) throw new BadDer();
    let length = this.#byte();
    if (length > 127) {
      const digits = length - 128;
      // Three bytes count up to 16 MiB. The first byte must be needed, because DER allows only one form of a
      // length.
      if (digits < 1 || digits > 3) throw new BadDer();
      length = 0;
      for (let digit = 0; digit < digits; digit += 1) length = length * 256 + this.#byte();
      if (length < (digits === 1 ? 128 : 256 ** (digits - 1))) throw new BadDer();
    }
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new BadDer();
    return this.#bytes.subarray(start, this.#at);
  }

  #byte() {
    if (this.#at >= this.#bytes.length) throw new BadDer();
    this.#at += 1;
    return this.#bytes[this.#at - 1];
  }
}

/**
 * A sequence of elements.
 *
 * @param {...Bytes} elements
 */
export function sequence(...elements) {
  return element(SEQUENCE, concat(...elements));
}

/**
 * An octet string.
 *
 * @param {Bytes} bytes
 */
export function octets(bytes) {
  return element(OCTETS, bytes);
}

/** NULL. */
export function nothing() {
  return element(NULL, new Uint8Array());
}

/**
 * A whole number from 0 to 2^48.
 *
 * @param {number} number
 */
export function integer(number) {
  const bytes = [];
  let rest = number;
  do {
    bytes.unshift(rest % 256);
    rest = Math.floor(rest / 256);
  } while (rest > 0);
  // The first bit is the sign.
  return element(INTEGER, Uint8Array.from(bytes[0] > 127 ? [0, ...bytes] : bytes));
}

/**
 * An object identifier, given with dots.
 *
 * @param {string} text
 */
export function oid(text) {
  const [first, second, ...rest] = text.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const digits = [arc % 128];
    for (let more = Math.floor(arc / 128); more > 0; more = Math.floor(more / 128)) {
      digits.unshift(128 + (more % 128));
    }
    return digits;
  });
  return element(OID, Uint8Array.from(bytes));
}

/**
 * @param {number} tag
 * @param {Bytes} content
 */
function element(tag, content) {
  const length = [];
  for (let rest = content.length; rest > 0; rest = Math.floor(rest / 256)) length.unshift(rest % 256);
  const head = content.length < 128 ? [content.length] : [128 + length.length, ...length];
  return concat(Uint8Array.of(tag, ...head), content);
}

/**
 * PEM with a label, in lines of 64 characters.
 *
 * @param {string} label
 * @param {Bytes} der
 */
export function toPem(label, der) {
  const lines = (toBase64(der).match(/.{1,64}/g) ?? []).join("\n");
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

/**
 * The DER in the first PEM block with this label.
 *
 * @param {string} label
 * @param {string} text
 */
export function fromPem(label, text) {
  const block = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]*)-----END ${label}-----`).exec(text);
  if (!block) throw new BadDer(`There is no "BEGIN ${label}".`);
  try {
    return fromBase64(block[1].replace(/\s/g, ""));
  } catch {
    throw new BadDer();
  }
}
