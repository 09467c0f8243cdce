// Small PDF files for tests, with what hostile ones may have.

/** A PDF of these objects (ISO 32000-1, 7.5), the first of which is its catalog. */
function pdfOf(objects) {
  let text = "%PDF-1.7\n";
  const places = objects.map((object, at) => {
    const place = text.length;
    text += `${at + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(place).padStart(10, "0")} 00000 n \n`;
  });
  const table = text.length;
  const size = objects.length + 1;
  text += `xref\n0 ${size}\n0000000000 65535 f \n${places.join("")}trailer\n<< /Size ${size} /Root 1 0 R >>\n`;
  return Buffer.from(`${text}startxref\n${table}\n%%EOF\n`, "latin1");
}

/** One page with `words`; `action` runs when it is opened, and the whole page is a link to `link`. */
export function makePdf({ words = "Hello", action = "<< /S /GoTo /D [3 0 R /Fit] >>", link } = {}) {
  const content = `BT /F1 24 Tf 20 150 Td (${words}) Tj ET`;
  const annotation = `<< /Type /Annot /Subtype /Link /Rect [0 0 300 200] /A << /S /URI /URI (${link}) >> >>`;
  return pdfOf([
    `<< /Type /Catalog /Pages 2 0 R /OpenAction ${action} /AcroForm << /Fields [] >> >>`,
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R
      /Resources << /Font << /F1 5 0 R >> >> /Annots [${link ? annotation : ""}] >>`,
    `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  ]);
}

/** PDFs that want to reach `url`, each in a way of its own, when they are opened. */
export function hostilePdfs(url) {
  const script = `app.alert("run"); ["submitForm", "launchURL", "getURL"].forEach(function (name) {
    try { (name === "launchURL" ? app : this)[name]("${url}/" + name, true); } catch (error) {} }, this);
    try { this.submitForm({ cURL: "${url}/submit" }); } catch (error) {}
    try { SOAP.request({ cURL: "${url}/soap" }); } catch (error) {}`.replace(/[()\\]/g, "\\$&");
  const link = `${url}/click`;
  return {
    "script.pdf": makePdf({ link, action: `<< /S /JavaScript /JS (${script}) >>` }),
    "address.pdf": makePdf({ link, action: `<< /S /URI /URI (${url}/open) >>` }),
    "form.pdf": makePdf({ link, action: `<< /S /SubmitForm /F << /FS /URL /F (${url}/form) >> >>` }),
    "file.pdf": makePdf({ link, action: `<< /S /GoToR /F << /FS /URL /F (${url}/remote) >> /D [0 /Fit] >>` }),
  };
}
