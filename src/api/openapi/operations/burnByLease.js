const answer = await fetch(`${root}api/public/secrets/${id}/burn`, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ lease }),
});
console.log(await answer.json());
