const answer = await fetch(`${root}Service/${token}/publickey?format=jwk`);
console.log(await answer.json());
