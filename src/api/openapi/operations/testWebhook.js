const answer = await fetch(`${root}api/account/webhooks/${id}/test`, {
  method: "POST",
  headers: { Authorization: `ApiKey ${key}` },
});
console.log(await answer.json());
