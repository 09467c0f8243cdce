const answer = await fetch(`${root}api/public/unsubscribe/${unsubscribe}`);
console.log(await answer.text());
