const answer = await fetch(root + "Service", { headers: { token, passphrase: "correct horse" } });
console.log(answer.status === 304 ? [] : await answer.json());
