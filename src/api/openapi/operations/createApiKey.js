const answer = await fetch(root + "api/account/keys", {
  method: "POST",
  headers: {
    Authorization: `ApiKey ${key}`,
    "Content-Type": "application/json",
  },
  body: JSON.stringify({ kind: "public", name: "Web page" }),
});
console.log(await answer.json());
