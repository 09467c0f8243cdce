const answer = await fetch(`${root}api/public/unsubscribe/${unsubscribe}`, { method: "POST" });
console.log(await answer.text());
