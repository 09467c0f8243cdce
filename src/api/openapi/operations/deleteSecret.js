const answer = await fetch(`${root}api/secrets/${id}`, {
  method: "DELETE",
  headers: { Authorization: `ApiKey ${key}` },
});
console.log(await answer.json());
