// Every queue with its consumer and its dead letters.

import { between, h, sheet, table, tag } from "./elements.js";

const HELD = { messages: "", positions: "positions in a stream", runs: "missed runs of a schedule", events: "events that a target did not take" };

function age(queue) {
  if (queue.oldestSeconds) return between(Date.now() - queue.oldestSeconds * 1000);
  return queue.busySince ? `seen for ${between(queue.busySince)}` : "";
}

function listens(queue) {
  if (queue.listens === null) return queue.function && queue.waiting !== null ? "…" : "";
  return queue.listens ? tag("listens", "good") : tag(queue.mapping ? `does not listen (${queue.mapping})` : "no mapping", "bad");
}

function row(queue) {
  const number = (count) => (count === null ? "" : String(count));
  const dead = queue.deadLetters ?? 0;
  return h("tr", { class: dead > 0 || queue.listens === false ? "alarm" : "", "data-queue": queue.queue },
    h("td", {}, h("strong", {}, queue.queue), HELD[queue.holds] && h("span", { class: "sub" }, HELD[queue.holds])),
    h("td", {}, listens(queue)),
    h("td", { class: "number" }, number(queue.waiting)),
    h("td", { class: "number" }, number(queue.inFlight)),
    h("td", { class: "number" }, age(queue)),
    h("td", { class: "number" }, dead > 0
      ? h("a", { href: `#/dead-letters/${queue.queue}`, "aria-label": `${dead} dead letters of ${queue.queue}` }, h("span", { class: "count bad" }, String(dead)))
      : number(queue.deadLetters)));
}

/** What is wrong comes first, then what is busy. */
const weight = (queue) =>
  (queue.deadLetters > 0 ? 4 : 0) + (queue.listens === false ? 2 : 0) + (queue.waiting + queue.inFlight > 0 ? 1 : 0);

export function queues(look) {
  const sorted = [...look.queues].sort((a, b) => weight(b) - weight(a) || a.queue.localeCompare(b.queue));
  return [
    h("div", { class: "head" }, h("h1", {}, "Queues")),
    h("p", { class: "lead" }, "What waits, what is being handled, and whether somebody listens. The age of the oldest message comes from ",
      "CloudWatch once a minute; where it says none, it is told for how long this console has seen the queue not empty. Counts of SQS are approximate."),
    sheet(`${sorted.length} queues`, null,
      table("Queues", [["Queue"], ["Consumer"], ["Waiting", "number"], ["Being handled", "number"], ["Oldest", "number"], ["Dead letters", "number"]],
        sorted.map(row))),
  ];
}
