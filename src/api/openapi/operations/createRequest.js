const answer = await fetch(root + "api/secret_requests", {
  method: "POST",
  headers: {
    Authorization: `ApiKey ${key}`,
    "Content-Type": "application/json",
  },
  body: JSON.stringify({
    message: "The password of the printer, please.",
    expiration: 24,
    limit: 3,
  }),
});
console.log(await answer.json());
