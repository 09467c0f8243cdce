const answer = await fetch(root + "api/secret_requests", {
  headers: { Authorization: `ApiKey ${key}` },
});
console.log(await answer.json());
