const answer = await fetch(root + "api/account/server", { headers: { Authorization: `ApiKey ${key}` } });
console.log(await answer.json());
