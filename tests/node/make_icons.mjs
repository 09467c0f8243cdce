// Makes the PNG icons of src/web/images from icon.svg: node tests/node/make_icons.mjs
// Their palette is a scale from black, which stands for the operator's colour, to white: src/web/icons.rs
// replaces it when the server starts.
import { readFileSync, writeFileSync } from "node:fs";
import { crc32, deflateSync } from "node:zlib";
import { chromium } from "playwright-core";

const IMAGES = new URL("../../src/web/images/", import.meta.url);
const svg = readFileSync(new URL("icon.svg", IMAGES), "utf8");
/** Black and white, on nothing. */
const plain = svg.replaceAll("#0f766e", "#000");
/** White on the colour, which fills the square; `share` is the part of the square that the picture takes. */
const filled = (share) => {
  const inner = svg.replaceAll("#fff", "#000").replace('fill="#0f766e"', 'fill="#fff"')
    .replace(/<\/?svg[^>]*>/g, "");
  const scale = `translate(16 16) scale(${share}) translate(-16 -16)`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" fill="#000"/>`
    + `<g transform="${scale}">${inner}</g></svg>`;
};
// Phones cut maskable icons to shapes of which only the inner circle of 80 % is sure to be seen.
const ICONS = [["icon-32", 32, plain], ["icon-192", 192, plain], ["icon-512", 512, plain],
  ["touch-180", 180, filled(0.72)], ["maskable-512", 512, filled(0.62)]];
/** Eight levels from transparent to black, then eight from there to white: an index fits into four bits. */
const LEVELS = 8;

const browser = await chromium.launch({
  executablePath: process.env.SEALDROP_CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"],
});
const page = await browser.newPage();
for (const [name, size, picture] of ICONS) {
  const pixels = await page.evaluate(async ({ picture, size }) => {
    const image = new Image(size, size);
    image.src = `data:image/svg+xml,${encodeURIComponent(picture)}`;
    await image.decode();
    const canvas = new OffscreenCanvas(size, size);
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0, size, size);
    return [...context.getImageData(0, 0, size, size).data];
  }, { picture, size });
  writeFileSync(new URL(`${name}.png`, IMAGES), png(size, pixels));
}
await browser.close();

function png(size, pixels) {
  const rows = Buffer.alloc(size * (1 + size / 2));
  for (let at = 0; at < size * size; at += 1) {
    const [gray, alpha] = [pixels[at * 4], pixels[at * 4 + 3]];
    const steps = LEVELS - 1;
    const index = alpha < 255 ? Math.round((alpha / 255) * steps) : steps + Math.round((gray / 255) * (LEVELS));
    const [row, column] = [Math.floor(at / size), at % size];
    rows[row * (1 + size / 2) + 1 + (column >> 1)] |= index << (column % 2 ? 0 : 4);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  // Four bits for each pixel, which is an index of the palette.
  header.set([4, 3, 0, 0, 0], 8);
  const whites = Array.from({ length: 16 }, (_, index) => Math.max(0, Math.round(((index - LEVELS + 1) / LEVELS) * 255)));
  const alphas = Array.from({ length: LEVELS }, (_, index) => Math.round((index / (LEVELS - 1)) * 255));
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", header),
    chunk("PLTE", Buffer.from(whites.flatMap((white) => [white, white, white]))),
    chunk("tRNS", Buffer.from(alphas)), chunk("IDAT", deflateSync(rows, { level: 9 })), chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}
