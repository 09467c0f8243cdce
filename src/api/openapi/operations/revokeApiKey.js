const answer = await fetch(`${root}api/account/keys/${id}`, {
  method: "DELETE",
  headers: { Authorization: `ApiKey ${key}` },
});
console.log(await answer.json());
