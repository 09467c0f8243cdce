const answer = await fetch(`${root}api/secrets/${id}`, { headers: { Authorization: `ApiKey ${key}` } });
console.log(await answer.json());
