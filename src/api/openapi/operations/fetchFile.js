const answer = await fetch(`${root}Service/File/${file}`);
console.log(await answer.text());
