const answer = await fetch(root + "api/account/webhooks", {
  method: "POST",
  headers: {
    Authorization: `ApiKey ${key}`,
    "Content-Type": "application/json",
  },
  body: JSON.stringify({ url: "https://example.org/hook", events: ["secret.viewed"] }),
});
console.log(await answer.json());
