const headers = { token, passphrase: "correct horse" };
const answer = await fetch(root + "Service", { method: "DELETE", headers });
console.log(await answer.json());
