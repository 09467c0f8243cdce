const answer = await fetch(`${root}api/secret_requests/${id}`, {
  method: "DELETE",
  headers: { Authorization: `ApiKey ${key}` },
});
console.log(await answer.json());
