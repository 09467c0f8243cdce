const lease = Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
const answer = await fetch(`${root}api/public/secrets/${id}/view`, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ lease }),
});
console.log(await answer.json());
