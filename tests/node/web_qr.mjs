// Draws a QR code with qr.js on a document that only counts created elements, and reads it with npm's jsqr.

import jsQR from "jsqr";

class Element {
  children = [];
  attributes = {};

  constructor(name) {
    this.name = name;
  }

  setAttribute(name, value) {
    this.attributes[name] = String(value);
  }

  append(...children) {
    this.children.push(...children);
  }
}

globalThis.document = {
  createElementNS(namespace, name) {
    if (namespace !== "http://www.w3.org/2000/svg") throw new Error(`namespace ${namespace}`);
    return new Element(name);
  },
};

const { qr } = await import(new URL("../../src/web/js/common/qr.js", import.meta.url));

/** `{text, names, attributes}`: the text that a camera reads, and the parts of the element. */
export function qrOf(text) {
  const svg = qr(text);
  const [rect, path] = svg.children;
  const side = Number(svg.attributes.viewBox.split(" ")[2]);
  const read = jsQR(draw(path.attributes.d, side), side * SCALE, side * SCALE)?.data;
  return {
    text: read,
    names: [rect.name, path.name],
    attributes: svg.attributes,
    fills: [rect, path].map((part) => part.attributes.fill),
  };
}

const SCALE = 4;

/** The pixels of a path of rectangles, black on white. */
function draw(path, side) {
  const pixels = new Uint8ClampedArray((side * SCALE) ** 2 * 4).fill(255);
  const runs = path
    .split("z")
    .filter(Boolean)
    .map((run) => /^M(\d+) (\d+)h(\d+)v1H(\d+)$/.exec(run).slice(1).map(Number));
  for (const [x, y, length, back] of runs) {
    if (back !== x || x < 4 || y < 4 || x + length > side - 4 || y >= side - 4)
      throw new Error("outside of the code");
    for (let row = y * SCALE; row < (y + 1) * SCALE; row += 1) {
      for (let column = x * SCALE; column < (x + length) * SCALE; column += 1) {
        pixels.fill(0, (row * side * SCALE + column) * 4, (row * side * SCALE + column) * 4 + 3);
      }
    }
  }
  return pixels;
}
