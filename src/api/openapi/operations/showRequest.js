const answer = await fetch(`${root}api/secret_requests/${id}`, {
  headers: { Authorization: `ApiKey ${key}` },
});
console.log(await answer.json());
