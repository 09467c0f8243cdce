const answer = await fetch(`${root}api/account/webhooks/${id}`, {
  method: "DELETE",
  headers: { Authorization: `ApiKey ${key}` },
});
console.log(await answer.json());
