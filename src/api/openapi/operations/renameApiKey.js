const answer = await fetch(`${root}api/account/keys/${id}`, {
  method: "PATCH",
  headers: {
    Authorization: `ApiKey ${key}`,
    "Content-Type": "application/json",
  },
  body: JSON.stringify({ name: "Backup script" }),
});
console.log(await answer.json());
