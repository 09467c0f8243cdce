// @ts-check
// QR codes as SVG: black on white, whatever the page looks like, unless its style gives the element a
// `color`.

import { setText } from "./live.js";
import { correction, generate as untyped } from "../vendor/lean_qr.js";

/** @typedef {{ size: number, get: (x: number, y: number) => boolean }} QrCode */

/** @type {(text: string, options: { minCorrectionLevel: number }) => QrCode} */
const generate = /** @type {any} */ (untyped); // a library without types

const SVG = "http://www.w3.org/2000/svg";
/** How many modules stay empty around it, so that cameras find its edge (ISO 18004). */
const QUIET = 4;

/**
 * The code of a text, as an SVG element without a size of its own. `label` is what screen readers say. Throws
 * for more than about 2,300 bytes.
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
    // White on white were no code: in a dark page the text around it is white.
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
  for (const [attribute, value] of Object.entries(attributes)) setText(made, attribute, typeof value === "number" ? String(value) : value);
  return made;
}
