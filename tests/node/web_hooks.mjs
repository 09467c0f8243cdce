// How node loads the modules of src/web/js: as ES modules, whatever package.json says. SJCL
// is refused if WebCrypto is available, so a test that needs it then fails; SEALDROP_SJCL_TOO=1 allows it.

const ours = new URL("../../src/web/js/", import.meta.url).href;

export async function load(url, context, next) {
  if (!url.startsWith(ours)) return next(url, context);
  const { SEALDROP_PLAIN_HTTP, SEALDROP_SJCL_TOO } = process.env;
  if (url.endsWith("/vendor/sjcl.js") && SEALDROP_PLAIN_HTTP !== "1" && SEALDROP_SJCL_TOO !== "1") {
    throw new Error("SJCL is loaded although WebCrypto is there");
  }
  return next(url, { ...context, format: "module" });
}
