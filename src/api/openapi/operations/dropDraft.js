const answer = await fetch(`${root}api/secrets/${id}/draft`, {
  method: "DELETE",
  headers: { "Upload-Token": uploadToken },
});
console.log(await answer.json());
