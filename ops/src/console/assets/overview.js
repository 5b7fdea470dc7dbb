// Orders on their way, live.

import { between, h, sheet, table, tag, time } from "./elements.js";

const WAY = [
  ["RECEIVED", "Received"], ["CREATED", "Created"], ["RESERVING", "Reserving"],
  ["AWAITING_APPROVAL", "Awaiting approval"], ["PAYING", "Paying"], ["ALLOCATING", "Allocating"],
  ["LABELLING", "Labels"], ["FULFILLED", "Fulfilled"],
];
const BESIDE = [
  ["UNDOING", "being undone"], ["CANCELLED", "cancelled"], ["REJECTED", "rejected"],
  ["SETTLING", "saga ended, order not yet"], ["NEEDS_REPAIR", "in need of repair"],
];
const NAMES = Object.fromEntries([...WAY, ...BESIDE]);
const MEANING = { FULFILLED: "good", CANCELLED: "", REJECTED: "", AWAITING_APPROVAL: "wait", UNDOING: "wait", SETTLING: "wait", NEEDS_REPAIR: "bad" };
/** The stages that a saga goes through, by which its track is drawn. */
const TRACK = WAY.slice(2).map(([stage]) => stage);
const STATES = {
  ReserveStock: 0, RequestApproval: 1, CapturePayment: 2, AllocateStock: 3, CreateLabels: 4, PublishCompleted: 4,
  ReleaseStock: 0, RefundPayment: 2, ReleaseAllocation: 3, VoidLabels: 4,
};

let before = {};

function track(order) {
  const ended = order.stage === "FULFILLED";
  const broke = ["UNDOING", "NEEDS_REPAIR", "CANCELLED", "REJECTED"].includes(order.stage);
  const here = ended ? TRACK.length : Math.max(TRACK.indexOf(order.stage), STATES[order.state] ?? -1);
  return h("span", { class: "track", "aria-hidden": "true" }, TRACK.flatMap((_, index) => {
    const kind = index < here || ended ? "done" : index === here ? (broke ? "broke" : "here") : "";
    return [h("i", { class: index <= here && !broke ? "done" : "" }), h("b", { class: broke && index < here ? "" : kind })];
  }));
}

function row(order) {
  const name = NAMES[order.stage] ?? "not looked at yet";
  const told = [order.reason, order.failures > 0 && `failed ${order.failures} times here`,
    order.name.startsWith("recover-") && "recovery"].filter(Boolean).join(", ");
  return h("tr", { class: "link", "data-order": order.orderId, "data-stage": order.stage },
    h("td", { class: "id" }, h("a", { href: `#/orders/${order.orderId}` }, order.orderId)),
    h("td", { class: "wide" }, !["CANCELLED", "REJECTED"].includes(order.stage) && track(order)),
    h("td", {}, tag(name.charAt(0).toUpperCase() + name.slice(1), MEANING[order.stage] ?? ""),
      told && h("span", { class: "sub" }, told)),
    h("td", { class: "number wide" }, order.total ?? ""),
    h("td", { class: "number wide" }, time(order.startedAt)),
    h("td", { class: "number" }, `${between(order.since)} ago`));
}

function card([stage, name], count) {
  const meaning = count === 0 ? "none" : stage === "FULFILLED" ? "good" : stage === "AWAITING_APPROVAL" ? "wait" : "";
  const changed = before[stage] !== undefined && before[stage] !== count ? " changed" : "";
  return h("li", { class: meaning + changed, "data-stage": stage },
    h("span", { class: "many" }, String(count)), h("span", { class: "name" }, name));
}

/** Shows one look. */
export function overview(look) {
  const count = (stage) => look.stages[stage] ?? 0;
  const way = h("ol", { class: "way", "aria-label": "Orders at each stage" }, WAY.map((entry) => card(entry, count(entry[0]))));
  const beside = BESIDE.map(([stage, name]) =>
    h("span", { class: stage === "NEEDS_REPAIR" && count(stage) > 0 ? "bad" : "", "data-stage": stage },
      h("strong", {}, String(count(stage))), name));
  before = look.stages;
  const notes = [look.unseen > 0 && `${look.unseen} not looked at yet`, look.more && "there are more than are shown"]
    .filter(Boolean).join(", ");
  return [
    h("div", { class: "head" }, h("h1", {}, "Orders on their way")),
    h("p", { class: "lead" }, "Sagas under way, and those that ended in the last hour; their stage is read from their history, ",
      "and the end from the order’s record. Received and created count the messages at order-ingest and start-fulfilment too. ",
      "What order-ingest refused has no saga: its log names it."),
    h("section", { class: "sheet", "aria-label": "Stages" }, way, h("p", { class: "beside" }, beside)),
    sheet("Orders", h("span", { class: "quiet small push" }, notes),
      look.orders.length === 0
        ? h("p", { class: "empty" }, "No saga runs, and nothing has ended or was refused in the last hour.")
        : table("Orders", [["Order"], ["Way", "wide"], ["Stage"], ["Total", "number wide"], ["Began (UTC)", "number wide"], ["There since", "number"]],
          look.orders.map(row))),
  ];
}
