// @ts-check
// Finds the parts of a text in Markdown or of code, in a worker of rendering.js: a hostile text can keep only
// this worker busy, which is then ended.

import { codeParts } from "./code_parts.js";
import { markdownParts } from "./markdown_parts.js";

addEventListener("message", ({ data: { text, form, name } }) => {
  try {
    postMessage({ parts: form === "code" ? codeParts(text, name) : markdownParts(text) });
  } catch (error) {
    // A text that is nested too deeply, for example.
    postMessage({ error: error.message || "The text cannot be read." });
  }
});
postMessage({ isReady: true });
