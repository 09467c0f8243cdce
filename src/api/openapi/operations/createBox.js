const answer = await fetch(root + "Service", {
  method: "POST",
  body: new URLSearchParams({ passphrase: "correct horse" }),
});
console.log((await answer.json()).KeyToken);
