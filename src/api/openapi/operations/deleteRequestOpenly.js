const answer = await fetch(`${root}api/public/secret_requests/${id}`, {
  method: "DELETE",
  headers: { "Manage-Token": manageToken },
});
console.log(await answer.json());
