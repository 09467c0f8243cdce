const answer = await fetch(`${root}api/public/claims`, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ token: claim }),
});
console.log((await answer.json()).data.account);
