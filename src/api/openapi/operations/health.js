const answer = await fetch(root + "health");
console.log(await answer.json());
