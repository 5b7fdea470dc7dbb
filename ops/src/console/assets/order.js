// One order: where it is and why, what may be done, and all that is known of it.

import { propose } from "./actions.js";
import { h, sheet, table, tag, time } from "./elements.js";
import { graph } from "./saga.js";
import { get } from "./server.js";

const MEANING = { ENDED: "good", MOVING: "good", WAITING: "wait", STUCK: "bad", UNKNOWN: "bad" };
const FROM = { EVENT: "event", SAGA: "saga", LOG: "log", DEAD_LETTER: "dead letter" };
const BUTTONS = { approve: "Approve", deny: "Deny", redrive: "Redrive", compensate: "Compensate" };
const STATUS = { SUCCEEDED: "good", RUNNING: "wait" };

function verdict({ verdict: said }) {
  return h("section", { class: `sheet verdict ${MEANING[said.state]}`, "aria-label": "Verdict", "data-verdict": said.state },
    h("p", {}, tag(said.state, MEANING[said.state])),
    said.sentences.map((sentence, index) => h("p", { class: index === 0 ? "say" : "quiet" }, sentence)),
    said.next.length > 0 && h("div", {}, h("p", { class: "quiet small" }, "Next, here or in a shell:"),
      h("ul", { class: "next" }, said.next.map((command) => h("li", {}, h("code", { tabindex: "0" }, command))))));
}

function offers(page, { readOnly }, again) {
  const item = ({ action, allowed, sentence, although }) => {
    const known = although && h("input", {
      type: "checkbox", id: "although-completing", disabled: !although.allowed || readOnly,
      onchange: () => { button.disabled = !known.checked; },
    });
    const button = h("button", {
      type: "button", class: allowed && action === "approve" ? "main" : "", disabled: !allowed || readOnly, "data-action": action,
      onclick: async () => {
        const done = await propose({
          name: `${BUTTONS[action]} this order`, button: BUTTONS[action], harm: action === "deny" || action === "compensate",
          path: `/api/orders/${page.orderId}/${action}`,
          wish: known ? { althoughCompleting: known.checked } : {},
          warning: known && "Its completion may have been said: whoever heard it ships the order, and what is undone refunds it.",
        });
        if (done) again();
      },
    }, BUTTONS[action]);
    return h("li", {}, button, h("div", {},
      h("p", { class: allowed ? "small" : "small quiet" }, sentence),
      although && (although.allowed
        ? h("label", { class: "check small" }, known, "Although completing: I have looked, and the order is not fulfilled")
        : h("p", { class: "small quiet" }, although.sentence))));
  };
  return sheet("What may be done", readOnly && tag("this console only looks"),
    h("div", { class: "inside" }, h("ul", { class: "offers" }, page.actions.map(item))));
}

function sagas(page) {
  return page.sagas.map((saga) => sheet(saga.name.startsWith("recover-") ? "Recovery" : "Saga",
    [tag(saga.status, STATUS[saga.status] ?? "bad"), h("span", { class: "quiet small push" }, saga.took)],
    h("div", { class: "inside" }, graph(saga),
      [...saga.failures, saga.error].filter(Boolean).map((text) => h("p", { class: "small quiet" }, text)))));
}

function timeline(page) {
  const first = page.timeline[0] && new Date(page.timeline[0].at);
  const rows = page.timeline.map((entry) => h("tr", { class: entry.fault ? "fault" : "" },
    h("td", { class: "at" }, time(entry.at)),
    h("td", { class: "at number wide" }, `+${((new Date(entry.at) - first) / 1000).toFixed(2)} s`),
    h("td", {}, h("span", { class: `from ${entry.from}` }, FROM[entry.from])),
    h("td", {}, h("strong", {}, entry.what), entry.detail && h("span", { class: "sub" }, entry.detail))));
  const shown = table("Timeline", [["UTC"], ["After", "number wide"], ["From"], ["What"]], rows);
  shown.classList.add("times");
  return shown;
}

/** Draws what is known of an order; `again` reads it once more, with its logs or without. */
export function draw(page, about, logs, again) {
  const records = page.records.map((record) => h("tr", { "data-record": record.record },
    h("td", {}, record.record), h("td", {}, h("strong", {}, record.status)), h("td", {}, record.detail)));
  const seen = page.view ? `Its customer sees ${page.view.status}${page.view.reason ? ` for ${page.view.reason}` : ""}.` : "Its customer sees nothing of it yet.";
  const switched = h("button", { type: "button", id: "logs", onclick: () => again(!logs) }, logs ? "Leave the logs out" : "Search the logs too");
  return [
    h("div", { class: "head" }, h("h1", {}, "Order ", h("span", { class: "id" }, page.orderId)),
      h("button", { type: "button", class: "push", id: "again", onclick: () => again(logs) }, "Read again")),
    h("p", { class: "lead" }, seen),
    h("div", { class: "two" },
      h("div", { class: "column" }, verdict(page), offers(page, about, () => again(logs)),
        sheet("Timeline", h("span", { class: "push" }, switched),
          page.timeline.length > 0 ? timeline(page) : h("p", { class: "empty" }, "Nothing of it can be read."))),
      h("div", { class: "column" }, sagas(page),
        page.records.length > 0 && sheet("Records", null, table("Records", [["Record"], ["Status"], [""]], records)))),
  ];
}

export const read = (orderId, logs) => get(`/api/orders/${encodeURIComponent(orderId)}${logs ? "?logs=true" : ""}`);
