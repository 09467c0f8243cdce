const answer = await fetch(`${root}api/secrets/${id}/attachments/1`, {
  method: "PUT",
  headers: { "Upload-Token": uploadToken },
  body: sealed, // a Blob or Uint8Array: prefix and encrypted chunks
});
console.log(await answer.json());
