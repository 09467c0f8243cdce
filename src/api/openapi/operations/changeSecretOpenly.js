const answer = await fetch(`${root}api/public/secrets/${id}`, {
  method: "PATCH",
  headers: { "Manage-Token": manageToken, "Content-Type": "application/json" },
  body: JSON.stringify({ expiration: 72, max_views: 3 }),
});
console.log(await answer.json());
