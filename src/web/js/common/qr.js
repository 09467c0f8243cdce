// @ts-check
// QR codes as SVG: always black on white, unless a style gives the element a `color`.

import { setText } from "./live.js";
import { correction, generate as untyped } from "../vendor/lean_qr.js";

/** @typedef {{ size: number, get: (x: number, y: number) => boolean }} QrCode */

/** @type {(text: string, options: { minCorrectionLevel: number }) => QrCode} */
const generate = /** @type {any} */ (untyped); // a library without types

const SVG = "http://www.w3.org/2000/svg";
/** How many modules around the code stay empty, so that cameras find its edge (ISO 18004). */
const QUIET = 4;

/**
 * The code of a text, as an SVG element without a size. `label` is for screen readers. Throws for more than
 * about 2,300 bytes.
 *
 * @param {string} text
 * @param {TextLike} label
 */
export function qr(text, label = "QR") {
  const code = generate(text, { minCorrectionLevel: correction.M });
  const side = code.size + 2 * QUIET;
  const svg = element("svg", {
    viewBox: `0 0 ${side} ${side}`,
    role: "img",
    "aria-label": label,
    // In a dark page the text colour is white, which would make the code invisible.
    color: "#000",
    "shape-rendering": "crispEdges",
  });
  svg.append(
    element("rect", { width: side, height: side, fill: "#fff" }),
    element("path", { d: outline(code), fill: "currentColor" }),
  );
  return svg;
}

/**
 * A rectangle for each run of dark modules in a row.
 *
 * @param {QrCode} code
 */
function outline({ size, get }) {
  let path = "";
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      const start = x;
      while (x < size && get(x, y)) x += 1;
      if (x > start) path += `M${start + QUIET} ${y + QUIET}h${x - start}v1H${start + QUIET}z`;
    }
  }
  return path;
}

/**
 * @param {string} name
 * @param {Record<string, TextLike | number>} attributes
 */
function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes)) {
    setText(made, attribute, typeof value === "number" ? String(value) : value);
  }
  return made;
}
