const answer = await fetch(`${root}Service/${token}/terms`);
console.log(await answer.json());
