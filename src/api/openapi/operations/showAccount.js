const answer = await fetch(root + "api/account", { headers: { Authorization: `ApiKey ${key}` } });
console.log(await answer.json());
