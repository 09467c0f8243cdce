// A thread of node that looks like a worker of a browser, and runs the script that it is given.

import { parentPort, workerData } from "node:worker_threads";

globalThis.postMessage = (message) => parentPort.postMessage(message);
const waiting = [];
let listener = (event) => waiting.push(event);
parentPort.on("message", (data) => listener({ data }));
globalThis.addEventListener = (_kind, added) => {
  listener = added;
  waiting.splice(0).forEach(added);
};
await import(workerData);
