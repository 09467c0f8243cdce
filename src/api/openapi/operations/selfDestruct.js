const answer = await fetch(root + "Service/SelfDestruct", {
  method: "POST",
  body: new URLSearchParams({ message: "hunter2", email: "bob@example.org" }),
});
console.log(await answer.json());
