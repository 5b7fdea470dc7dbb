// Dead letters: what lies where and why, and sending back or dropping it.

import { propose } from "./actions.js";
import { between, field, h, sheet, table } from "./elements.js";
import { get } from "./server.js";

const of = (queue) => `/api/dead-letters/${encodeURIComponent(queue)}`;

export const readAll = () => get("/api/dead-letters");
export const read = (queue) => get(of(queue));

/** Every dead-letter queue that is not empty. */
export function drawAll(listed) {
  const head = [
    h("div", { class: "head" }, h("h1", {}, "Dead letters")),
    h("p", { class: "lead" }, "What was given up, by what it is and why. Each is an order, a fact or money: look at it, remove the cause, then send it back."),
  ];
  if (listed.length === 0) return [...head, h("p", { class: "sheet empty" }, "Every dead-letter queue is empty.")];
  return [...head, ...listed.map((queue) => {
    const rows = queue.groups.map((group) => h("tr", {},
      h("td", { class: "number" }, h("strong", {}, String(group.letters))),
      h("td", {}, group.what), h("td", {}, group.reason),
      h("td", { class: "number" }, between(group.oldest)),
      h("td", { class: "several" }, group.orders.map((id) => h("a", { class: "id", href: `#/orders/${id}`, title: id }, `${id.slice(0, 8)}…`)))));
    return sheet(queue.queue, [h("span", { class: "count bad" }, String(queue.waiting + queue.inFlight)),
      h("a", { class: "push", href: `#/dead-letters/${queue.queue}` }, "Look at the letters")],
      table(`Dead letters of ${queue.queue}`, [["Letters", "number"], ["What"], ["Why it was given up"], ["Oldest", "number"], ["Orders"]], rows));
  })];
}

/** The letters of one queue, to be chosen among. */
export function draw(queue, letters, { readOnly }, takesBack, again) {
  const chosen = new Set();
  const number = (id, value, min, max) => h("input", { type: "number", id, value, min, max, step: "1" });
  const [sample, seconds, rate] = [number("sample", "1", "0", "1000"), number("sample-seconds", "60", "0", "600"), number("rate", "10", "1", "1000")];
  const pace = () => ({ sample: Number(sample.value), sampleSeconds: Number(seconds.value), rate: Number(rate.value) });
  const wish = (verb) => ({ messages: [...chosen], ...(verb === "redrive" ? pace() : {}) });
  const many = h("span", { class: "quiet small" });
  const act = (text, kind, verb, options) => h("button", {
    type: "button", class: kind, disabled: true, "data-action": verb,
    onclick: async () => {
      if (await propose({ button: text, path: `${of(queue)}/${verb}`, wish: wish(verb), ...options })) again();
    },
  }, text);
  const back = act("Send back", "main", "redrive", { name: `Send letters back to ${queue}` });
  const drop = act("Drop", "", "drop", {
    name: `Drop letters of ${queue}`, harm: true,
    warning: "They are written whole into a file where the console was started, which may hold task tokens: keep it to yourself.",
  });
  const boxes = letters.map((letter) => h("input", {
    type: "checkbox", value: letter.id,
    onchange: (event) => {
      if (event.target.checked) chosen.add(letter.id);
      else chosen.delete(letter.id);
      update();
    },
  }));
  const all = h("input", {
    type: "checkbox", id: "all",
    onchange: (event) => {
      for (const [index, box] of boxes.entries()) {
        box.checked = event.target.checked;
        if (box.checked) chosen.add(letters[index].id);
        else chosen.delete(letters[index].id);
      }
      update();
    },
  });
  function update() {
    back.disabled = readOnly || !takesBack || chosen.size === 0;
    drop.disabled = readOnly || chosen.size === 0;
    all.checked = chosen.size === letters.length;
    all.indeterminate = chosen.size > 0 && !all.checked;
    many.textContent = chosen.size === 0 ? "none chosen" : `${chosen.size} of ${letters.length} chosen`;
  }
  update();
  const shown = letters.map((letter, index) => h("article", { class: "letter", "data-letter": letter.id },
    h("div", { class: "head" }, h("label", {}, boxes[index], letter.what),
      letter.orderId && h("a", { class: "id", href: `#/orders/${letter.orderId}` }, letter.orderId),
      h("span", { class: "quiet small push" }, `sent ${between(letter.sentAt)} ago`)),
    h("p", {}, letter.reason),
    h("details", {}, h("summary", {}, "What of it may be shown"), h("pre", { tabindex: "0" }, JSON.stringify(letter.body, null, 2)))));
  return [
    h("div", { class: "head" }, h("h1", {}, `Dead letters of ${queue}`), h("a", { class: "push", href: "#/dead-letters" }, "All queues")),
    h("p", { class: "lead" }, takesBack
      ? "What goes back goes as a sample first; the rest follows at a rate once the consumer has handled the sample, or stays here."
      : "No queue takes these back: the runbook of the queue’s alarm says how they are handled again."),
    sheet(letters.length === 1 ? "1 letter" : `${letters.length} letters`, h("span", { class: "buttons push" }, back, drop),
      h("div", { class: "letter" }, h("div", { class: "head" }, h("label", {}, all, "All of them"), many),
        takesBack && h("div", { class: "form row" }, field("Sample", sample), field("Seconds for what becomes of it", seconds), field("Letters a second afterwards", rate))),
      ...shown),
  ];
}
