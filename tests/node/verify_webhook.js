// Reads [{key, headers, body}], writes what the package standardwebhooks makes of each: [{payload}] or
// [{error}].
const { readFileSync } = require("node:fs");
const { Webhook } = require("standardwebhooks");

const calls = JSON.parse(readFileSync(0, "utf8"));
const outcomes = calls.map(({ key, headers, body }) => {
  try {
    return { payload: new Webhook(key).verify(body, headers) };
  } catch (error) {
    return { error: error.message };
  }
});
process.stdout.write(JSON.stringify(outcomes));
