const answer = await fetch(`${root}api/public/secrets/${id}/status`, {
  headers: { "Manage-Token": manageToken },
});
console.log(await answer.json());
