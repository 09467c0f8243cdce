const answer = await fetch(`${root}api/public/secrets/${id}/reply`, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({
    lease: "q83vEjRWeJCrze8SNFZ4kA",
    ciphertext: "eyJpdiI6ImtXelh1MXo0VEIxN1Vxb01MNmovd3c9PSIsInYiOjEsIml0ZXIiOjEwMDAwLCJrcyI6MjU2LCJ0cyI6NjQsIm1vZGUiOiJnY20iLCJhZGF0YSI6IiIsImNpcGhlciI6ImFlcyIsInNhbHQiOiI1YzVPbXhoNHdMND0iLCJjdCI6ImJxZ0tXZUR3ZWNRcHN4Szd1RncrIn0=",
    password_part_private: "TFNFQ1RBbENZNUNyYVhLSnlo",
    sealed_part: "BHnber3oU9xiSy8ZiOCfBbczXRJQEW007nR7ONOoSy5Z1EKahYshM-3sVIb3gB8YsIXfXVUcjpqRfEd5FsPNJ7sWh6UdACbn0klYueGzsezzRh--TYa3XL_4WLcRKTqOvCFh",
  }),
});
console.log(await answer.json());
