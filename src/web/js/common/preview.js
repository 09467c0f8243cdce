// @ts-check
// Shows a file on the page: a picture, or a text as text. Nothing of it becomes markup or runs, and the policy
// of the page lets nothing of it reach a network.
import { h, replace } from "./dom.js";
import { t } from "./page.js";

/** Larger files are only saved. */
const MAX_BYTES = 25 * 1024 * 1024;
/** How much of a text is shown. */
const MAX_TEXT_BYTES = 64 * 1024;

/** Pictures by the ends of their names. SVG in an <img> runs no scripts and loads nothing. */
/** @type {Record<string, string>} */
const PICTURES = {
  png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", gif: "image/gif", webp: "image/webp",
  avif: "image/avif", bmp: "image/bmp", svg: "image/svg+xml",
};
const TEXTS = new Set(`txt text md markdown log csv tsv json jsonl yaml yml toml ini conf cfg env properties xml
  html css js mjs ts py rb rs go java c h cpp sh bash ps1 bat sql pem crt cer csr pub asc key ovpn rdp ics vcf`
  .split(/\s+/));

/**
 * How a file can be shown: "picture", "text", or null if it cannot.
 *
 * @param {{ name: string, type?: string, size: number }} file
 */
export function previewKind({ name, type = "", size }) {
  if (size > MAX_BYTES || size === 0) return null;
  const end = /\.([^.]+)$/.exec(name)?.[1].toLowerCase() ?? "";
  if (pictureType({ name, type })) return "picture";
  return TEXTS.has(end) || /^text\//.test(type) || type === "application/json" ? "text" : null;
}

/**
 * The type of a picture; of the name first, because the other one is the sender's word.
 *
 * @param {{ name: string, type?: string }} file
 */
function pictureType({ name, type = "" }) {
  const end = /\.([^.]+)$/.exec(name)?.[1].toLowerCase() ?? "";
  return PICTURES[end] ?? Object.values(PICTURES).find((known) => known === type) ?? null;
}

/**
 * The file as an element; `end()` releases it. Call it only if `previewKind` is not null.
 *
 * @param {Blob} content
 * @param {{ name: string, type?: string, size: number }} file
 */
export function preview(content, file) {
  return previewKind(file) === "picture" ? picture(content, file) : text(content);
}

/**
 * @param {Blob} content
 * @param {{ name: string, type?: string }} file
 */
function picture(content, file) {
  const url = URL.createObjectURL(content.slice(0, content.size, pictureType(file) ?? ""));
  const node = h("div", { class: "preview" });
  const image = h("img", {
    src: url, alt: t("files.picture", { name: file.name }),
    onerror: () => replace(node, h("p", { class: "hint" }, t("files.no_picture"))),
  });
  replace(node, image);
  return { node, end: () => URL.revokeObjectURL(url) };
}

/** @param {Blob} content */
function text(content) {
  const node = h("div", { class: "preview" });
  let isOver = false;
  const show = async () => {
    const bytes = await content.slice(0, MAX_TEXT_BYTES).arrayBuffer();
    if (isOver) return;
    const read = new TextDecoder().decode(bytes);
    // Many of these are no text at all.
    if (read.includes("\0")) return void replace(node, h("p", { class: "hint" }, t("files.no_text")));
    replace(node, h("pre", { class: "pre", dir: "auto", translate: "no", tabindex: "0" }, read),
      content.size > MAX_TEXT_BYTES && h("p", { class: "hint" }, t("files.text_cut")));
  };
  show().catch(() => replace(node, h("p", { class: "error" }, t("files.no_text"))));
  return {
    node, end: () => {
      isOver = true;
      node.replaceChildren();
    },
  };
}
