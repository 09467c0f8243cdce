const answer = await fetch(`${root}api/public/secret_requests/${id}/status`, {
  headers: { "Manage-Token": manageToken },
});
console.log(await answer.json());
