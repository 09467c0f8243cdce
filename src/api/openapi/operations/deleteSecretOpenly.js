const answer = await fetch(`${root}api/public/secrets/${id}`, {
  method: "DELETE",
  headers: { "Manage-Token": manageToken },
});
console.log(await answer.json());
