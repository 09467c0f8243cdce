// @ts-check
// The kinds of words in code that have a colour of their own (css/texts.css), by the names of Highlight.js.

export const SCOPES = new Set(["addition", "attr", "attribute", "built_in", "comment", "deletion", "keyword", "literal",
  "meta", "name", "number", "quote", "regexp", "section", "string", "symbol", "tag", "title", "type", "variable"]);
