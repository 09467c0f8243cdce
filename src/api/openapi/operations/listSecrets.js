const answer = await fetch(root + "api/secrets", { headers: { Authorization: `ApiKey ${key}` } });
console.log(await answer.json());
