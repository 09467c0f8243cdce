const answer = await fetch(root + "api/public/secret_requests", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({
    message: "The password of the printer, please.",
    expiration: 24,
    answer_key: "BL_R53SAeb3hDyGhXfL93dS2v3ukoqY5jhaTGgjcMI3hKAVnQ_gxFVqEnn6tK_tPmOpp9xwR5_bJ9HRrDAFHygQ",
  }),
});
console.log(await answer.json());
