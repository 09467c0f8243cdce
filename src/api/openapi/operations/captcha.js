const answer = await fetch(root + "api/public/captcha");
console.log(await answer.json());
