const answer = await fetch(`${root}api/public/secrets/${id}`);
console.log(await answer.json());
