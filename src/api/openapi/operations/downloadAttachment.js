const answer = await fetch(`${root}api/secrets/${id}/attachments/1`, { headers: { Lease: lease } });
console.log(await answer.arrayBuffer());
