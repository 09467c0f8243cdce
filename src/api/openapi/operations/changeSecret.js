const answer = await fetch(`${root}api/secrets/${id}`, {
  method: "PATCH",
  headers: { Authorization: `ApiKey ${key}`, "Content-Type": "application/json" },
  body: JSON.stringify({ expiration: 72, max_views: 3 }),
});
console.log(await answer.json());
