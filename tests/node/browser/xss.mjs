// A hundred texts that would run as scripts if a page took text for markup, and the check that none did:
// each sets `window.__xss`, or leaves an element with the attribute `data-xss`.
import assert from "node:assert/strict";

const RUN = "window.__xss=1";
const EVENTS = `onerror onload onfocus onmouseover onclick ontoggle onbegin onanimationstart onpointerenter
onauxclick onbeforeinput oncopy onpaste onwheel ontransitionend onloadstart oncanplay onhashchange onmessage
onscroll`.trim().split(/\s+/);

const MARKUP = [
  `<script data-xss>${RUN}</script>`,
  `<ScRiPt data-xss>${RUN}</sCrIpT>`,
  `"><script data-xss>${RUN}</script>`,
  `'><script data-xss>${RUN}</script>`,
  `</textarea><script data-xss>${RUN}</script>`,
  `</title><script data-xss>${RUN}</script>`,
  `</script><script data-xss>${RUN}</script>`,
  `--><script data-xss>${RUN}</script>`,
  `]]><script data-xss>${RUN}</script>`,
  `</style><script data-xss>${RUN}</script>`,
  `</noscript><script data-xss>${RUN}</script>`,
  `<<script data-xss>${RUN}//<</script>`,
  `<script data-xss src=data:text/javascript,${RUN}></script>`,
  `<script data-xss type=module>${RUN}</script>`,
  `<img data-xss src=x onerror=${RUN}>`,
  `"><img data-xss src=x onerror=${RUN}>`,
  `' onerror=${RUN} data-xss='`,
  `" onfocus=${RUN} autofocus data-xss="`,
  `<svg data-xss onload=${RUN}>`,
  `<svg><script data-xss>${RUN}</script></svg>`,
  `<svg><animate data-xss onbegin=${RUN} attributeName=x dur=1s>`,
  `<svg><a data-xss xlink:href="javascript:${RUN}"><text y=20>x</text></a></svg>`,
  `<math><mtext></form><form><mglyph><style></math><img data-xss src onerror=${RUN}>`,
  `<body data-xss onload=${RUN}>`,
  `<iframe data-xss srcdoc="<script>parent.__xss=1</script>"></iframe>`,
  `<iframe data-xss src="javascript:parent.__xss=1"></iframe>`,
  `<object data-xss data="javascript:${RUN}"></object>`,
  `<embed data-xss src="javascript:${RUN}">`,
  `<a data-xss href="javascript:${RUN}">x</a>`,
  `<a data-xss href="jav&#x09;ascript:${RUN}">x</a>`,
  `<a data-xss href="data:text/html,<script>opener.__xss=1</script>">x</a>`,
  `<form data-xss action="javascript:${RUN}"><button>x</button></form>`,
  `<button data-xss formaction="javascript:${RUN}">x</button>`,
  `<input data-xss autofocus onfocus=${RUN}>`,
  `<select data-xss autofocus onfocus=${RUN}><option>x</select>`,
  `<details data-xss open ontoggle=${RUN}><summary>x</summary></details>`,
  `<video data-xss><source onerror=${RUN}></video>`,
  `<audio data-xss src=x onerror=${RUN}></audio>`,
  `<meta data-xss http-equiv=refresh content="0;url=javascript:${RUN}">`,
  `<base data-xss href="javascript:${RUN}//">`,
  `<link data-xss rel=stylesheet href="data:text/css,*{display:none}">`,
  `<style data-xss>*{display:none}</style>`,
  `<style data-xss>@import 'javascript:${RUN}'</style>`,
  `<div data-xss style="background:url(javascript:${RUN})">x</div>`,
  `<template data-xss><script>${RUN}</script></template>`,
  `<noscript data-xss><p title="</noscript><img src=x onerror=${RUN}>">`,
  `<table background="javascript:${RUN}" data-xss>`,
  `<marquee data-xss onstart=${RUN}>x</marquee>`,
  `<dialog data-xss open onclose=${RUN}>x</dialog>`,
  `<x-y data-xss contenteditable onblur=${RUN}>x</x-y>`,
  `<p data-xss id=data>{"lang":"en"}</p>`,
  `<p data-xss id=app>x</p>`,
];
const OTHER = [
  `javascript:${RUN}`,
  `JaVaScRiPt:${RUN}`,
  `\u0001javascript:${RUN}`,
  `data:text/html,<script data-xss>${RUN}</script>`,
  `\${${RUN}}`,
  `{{constructor.constructor('${RUN}')()}}`,
  `{{ self.__init__ }}{% raw %}`,
  `#{${RUN}}`,
  `<%= ${RUN} %>`,
  `';${RUN};//`,
  `";${RUN};//`,
  "`;" + RUN + ";//",
  `\\';${RUN};//`,
  `\\u003cscript data-xss\\u003e${RUN}\\u003c/script\\u003e`,
  `&lt;script data-xss&gt;${RUN}&lt;/script&gt;`,
  `%3Cscript data-xss%3E${RUN}%3C/script%3E`,
  `&#60;script data-xss&#62;${RUN}&#60;/script&#62;`,
  `+ADw-script data-xss+AD4-${RUN}+ADw-/script+AD4-`,
  `\u2028${RUN}\u2029`,
  `\u202e<script data-xss>${RUN}</script>`,
  `{"__proto__":{"__xss":1}}`,
  `{"sealdrop":1,"text":"<script data-xss>${RUN}</script>","attachments":[]}`,
  `__proto__`,
  `constructor`,
  `<!--`,
  `<![CDATA[`,
  `{name}{count}{date}`,
  `$&$1$\``,
];

/** A hundred of them. Some must be text that stays unchanged. */
export const PAYLOADS = [
  ...MARKUP, ...OTHER, ...EVENTS.map((event) => `<b data-xss ${event}=${RUN} tabindex=1>x</b>`),
];
assert.equal(PAYLOADS.length, 100);

/** All of them, in texts of at most this many characters. */
export function batches(limit = 900) {
  const texts = [""];
  for (const payload of PAYLOADS) {
    if (texts.at(-1).length + payload.length + 1 > limit) texts.push("");
    texts.push(texts.pop() + payload + "\n");
  }
  return texts;
}

/** No part of them ran, and none of them became an element. */
export async function inert(page) {
  const found = await page.evaluate(() => ({
    ran: window.__xss ?? null,
    polluted: {}.__xss ?? null,
    elements: [...document.querySelectorAll("[data-xss]")].map((element) => element.outerHTML),
    frames: window.frames.length,
    handlers: [...document.querySelectorAll("*")].flatMap(({ attributes }) => [...attributes])
      .filter(({ name, value }) => name.startsWith("on") || /^\s*(javascript|data:text)/i.test(name === "href" ? value : ""))
      .map(({ name, value }) => `${name}=${value}`),
  }));
  assert.deepEqual(found, { ran: null, polluted: null, elements: [], frames: 0, handlers: [] });
}
