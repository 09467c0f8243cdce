// Runs SJCL over a list of jobs. Standard input: [{password, text, params} or {password, json}, …];
// standard output: for each job {ok: what SJCL returned} or {error: what it threw}.
// The only argument is the node_modules folder that holds SJCL.

const { readFileSync } = require("node:fs");
const { join, resolve } = require("node:path");

const sjcl = require(join(resolve(process.argv[2]), "sjcl"));

const outcomes = JSON.parse(readFileSync(0, "utf8")).map((job) => {
  try {
    return {
      ok: "text" in job
        ? sjcl.encrypt(job.password, job.text, job.params)
        : sjcl.decrypt(job.password, job.json),
    };
  } catch (error) {
    return { error: String(error) };
  }
});
process.stdout.write(JSON.stringify(outcomes));
