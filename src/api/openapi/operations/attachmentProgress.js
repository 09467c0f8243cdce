const answer = await fetch(`${root}api/secrets/${id}/attachments/1`, {
  method: "HEAD",
  headers: { "Upload-Token": uploadToken },
});
console.log(Number(answer.headers.get("Upload-Offset")));
