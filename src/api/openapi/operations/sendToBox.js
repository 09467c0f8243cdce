const form = new FormData();
form.set("token", token); // before the files
form.set("message", "the door code is 4711");
form.append("files", new Blob(["the plan\n"]), "plan.txt");
const answer = await fetch(root + "Service", { method: "PUT", body: form });
console.log(await answer.json());
