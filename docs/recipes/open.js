// Opens a secret: takes what create.js printed and prints the text. Spends a view.
//
//   SEALDROP=http://127.0.0.1:8080 KEY=public_key_… node open.js ID#PUBLIC_HALF

const sjcl = require("../../tests/node/node_modules/sjcl");

const plain = (base64) => Buffer.from(base64, "base64").toString();

async function main() {
  const [id, publicHalf] = process.argv[2].split("#");
  const response = await fetch(`${process.env.SEALDROP}/api/secrets/${id}`, {
    headers: { Authorization: `ApiKey ${process.env.KEY}` },
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error.message);
  const { ciphertext, password_part_private } = answer.data;
  const password = plain(password_part_private) + plain(publicHalf);
  process.stdout.write(sjcl.decrypt(password, plain(ciphertext)));
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
