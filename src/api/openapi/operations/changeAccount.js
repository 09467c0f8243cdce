const answer = await fetch(root + "api/account", {
  method: "PUT",
  headers: {
    Authorization: `ApiKey ${key}`,
    "Content-Type": "application/json",
  },
  body: JSON.stringify({ notify_email: null }),
});
console.log(await answer.json());
