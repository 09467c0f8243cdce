const answer = await fetch(root + "api/account/keys", { headers: { Authorization: `ApiKey ${key}` } });
console.log(await answer.json());
