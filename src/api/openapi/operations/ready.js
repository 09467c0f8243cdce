const answer = await fetch(root + "ready");
console.log(await answer.json());
