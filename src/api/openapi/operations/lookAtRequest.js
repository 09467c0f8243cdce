const answer = await fetch(`${root}api/public/secret_requests/${id}`);
console.log(await answer.json());
