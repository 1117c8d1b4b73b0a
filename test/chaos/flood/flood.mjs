// @ts-check
/**
 * Asks for what is refused, on a connection of its own each time. Arguments: url, how many, how many at once, headers as JSON.
 * Prints how often each status was the answer, as JSON.
 */
import { request } from "node:http";

const [url = "", count = "1", atOnce = "1", headers = "{}"] = process.argv.slice(2);
/** @type {Record<string, number>} */
const statuses = {};
let left = Number(count);

/** @returns {Promise<number>} 0 when there was no answer */
function ask() {
  return new Promise((resolve) => {
    const asked = request(url, { agent: false, headers: JSON.parse(headers) }, (response) => {
      response.resume().on("close", () => resolve(response.statusCode ?? 0));
    });
    asked.on("error", () => resolve(0)).end();
  });
}

async function work() {
  while (left-- > 0) {
    const status = await ask();
    statuses[status] = (statuses[status] ?? 0) + 1;
  }
}

await Promise.all(Array.from({ length: Number(atOnce) }, work));
console.log(JSON.stringify(statuses));
