// @ts-check
// Shows a file on the page: a picture, a text as text, or a PDF in the browser's own viewer. Nothing of it
// becomes markup or runs in the page, and the policy of the page lets nothing of it reach a network.
import { h, replace } from "./dom.js";
import { t } from "./page.js";
import { shownText } from "./shown_text.js";

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
const PDF = "application/pdf";
/** Where a PDF says that it is one: viewers accept some bytes before it. */
const PDF_HEAD_BYTES = 1024;
/** The page alone, without pictures of all pages beside it (PDF Open Parameters, Adobe 2007). */
const VIEWER_PARTS = "pagemode=none&navpanes=0";
/** No other engine has this property, and there is no other way to ask for a viewer in a sandbox. */
const IS_GECKO = CSS.supports("-moz-appearance", "none");
const TEXTS = new Set(`txt text md markdown log csv tsv json jsonl yaml yml toml ini conf cfg env properties xml
  html css js mjs ts py rb rs go java c h cpp sh bash ps1 bat sql pem crt cer csr pub asc key ovpn rdp ics vcf`
  .split(/\s+/));

/**
 * How a file can be shown: "picture", "text", "pdf", or null if it cannot.
 *
 * @param {{ name: string, type?: string, size: number }} file
 */
export function previewKind({ name, type = "", size }) {
  if (size > MAX_BYTES || size === 0) return null;
  const end = /\.([^.]+)$/.exec(name)?.[1].toLowerCase() ?? "";
  if (end === "pdf") return "pdf";
  if (pictureType({ name, type })) return "picture";
  if (type === PDF) return "pdf";
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
  const kind = previewKind(file);
  return kind === "picture" ? picture(content, file) : kind === "pdf" ? pdf(content, file) : text(content, file);
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

/**
 * A PDF in a frame. The browser shows it in a viewer that is apart from this page: by its type it is never a
 * page itself, whatever is in it. In Firefox the frame is sandboxed as well, so links and dialogs of the PDF do
 * nothing; Chromium has no viewer in such a frame.
 *
 * @param {Blob} content
 * @param {{ name: string }} file
 */
function pdf(content, { name }) {
  const node = h("div", { class: "preview" });
  let url = "";
  let isOver = false;
  const show = async () => {
    if (!navigator.pdfViewerEnabled) return void replace(node, h("p", { class: "hint" }, t("files.no_viewer")));
    const head = new TextDecoder("latin1").decode(await content.slice(0, PDF_HEAD_BYTES).arrayBuffer());
    if (isOver) return;
    if (!head.includes("%PDF-")) return void replace(node, h("p", { class: "hint" }, t("files.no_pdf")));
    url = URL.createObjectURL(content.slice(0, content.size, PDF));
    replace(node, h("p", { class: "hint" }, t("files.pdf_links")),
      h("iframe", {
        src: `${url}#${VIEWER_PARTS}`, title: t("files.pdf", { name }), referrerpolicy: "no-referrer",
        sandbox: IS_GECKO && "allow-scripts",
      }));
  };
  show().catch(() => replace(node, h("p", { class: "error" }, t("files.no_pdf"))));
  return {
    node, end: () => {
      isOver = true;
      node.replaceChildren();
      if (url) URL.revokeObjectURL(url);
    },
  };
}

/**
 * @param {Blob} content
 * @param {{ name: string }} file
 */
function text(content, { name }) {
  const node = h("div", { class: "preview" });
  let isOver = false;
  let end = () => {};
  const show = async () => {
    const bytes = await content.slice(0, MAX_TEXT_BYTES).arrayBuffer();
    if (isOver) return;
    const read = new TextDecoder().decode(bytes);
    // Many of these are no text at all.
    if (read.includes("\0")) return void replace(node, h("p", { class: "hint" }, t("files.no_text")));
    const shown = shownText(read, {
      name, plain: (plain) => h("pre", { class: "pre", dir: "auto", translate: "no", tabindex: "0" }, plain),
    });
    end = shown.end;
    replace(node, shown.node, shown.choices, content.size > MAX_TEXT_BYTES && h("p", { class: "hint" }, t("files.text_cut")));
  };
  show().catch(() => replace(node, h("p", { class: "error" }, t("files.no_text"))));
  return {
    node, end: () => {
      isOver = true;
      end();
      node.replaceChildren();
    },
  };
}
