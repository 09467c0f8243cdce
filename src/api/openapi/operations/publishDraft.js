const answer = await fetch(`${root}api/secrets/${id}/publish`, {
  method: "POST",
  headers: { "Upload-Token": uploadToken },
});
console.log(await answer.json());
