// Finds out what is to be shown, shows it, and keeps it up to date.

import { byId, h, time } from "./elements.js";
import * as letters from "./letters.js";
import * as order from "./order.js";
import { overview } from "./overview.js";
import { queues } from "./queues.js";
import * as replays from "./replays.js";
import { Failure, get, listen } from "./server.js";
import * as stock from "./stock.js";

const main = byId("main");
let about = { prefix: "", readOnly: true, callsPerMinute: 0 };
let look = null;
/** What is shown at the moment; what arrives for something else is too late. */
let shown = {};

function show(content, title) {
  const focused = document.activeElement?.getAttribute?.("href");
  const [top, left] = [window.scrollY, main.querySelector(".scroll")?.scrollLeft ?? 0];
  main.replaceChildren(...content.flat());
  main.removeAttribute("aria-busy");
  document.title = `${title} · Lakeside console`;
  // What is drawn anew every few seconds must not take the keyboard away from whoever uses it.
  if (focused) main.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  window.scrollTo(0, top);
  main.querySelector(".scroll")?.scrollTo(left, 0);
}

function fail(failure) {
  if (!(failure instanceof Failure)) throw failure;
  show([h("div", { class: "head" }, h("h1", {}, failure.kind === "NOT_FOUND" ? "Nothing there" : "That did not work")),
    h("p", { class: "notice bad", role: "alert" }, failure.message)], "Failure");
}

async function showing(wanted, read) {
  try {
    const found = await read();
    if (wanted === shown) return found;
  } catch (failure) {
    if (wanted === shown) fail(failure);
  }
  return null;
}

const sections = {
  overview: () => look && show(overview(look), "Orders"),
  queues: () => look && show(queues(look), "Queues"),
};

/** `settling` if it is to be read once more: the records of an order hear of a change one after the other. */
async function showOrder(orderId, logs, settling = false) {
  const wanted = (shown = { section: "overview", orderId, stage: stageOf(orderId), logs, settling });
  const page = await showing(wanted, () => order.read(orderId, logs));
  if (page) show(order.draw(page, about, logs, (logs) => showOrder(orderId, logs)), `Order ${orderId}`);
}

async function showLetters(queue) {
  const wanted = (shown = { section: "dead-letters", queue });
  if (!queue) {
    const listed = await showing(wanted, letters.readAll);
    if (listed) show(letters.drawAll(listed), "Dead letters");
    return;
  }
  const found = await showing(wanted, () => letters.read(queue));
  const takesBack = look?.queues.find((known) => known.queue === queue)?.takesBack ?? true;
  if (found) show(letters.draw(queue, found, about, takesBack, () => showLetters(queue)), `Dead letters of ${queue}`);
}

async function showStock(sku) {
  const wanted = (shown = { section: "stock", sku });
  if (!sku) return show(stock.drawNone(about), "Stock");
  const found = await showing(wanted, () => stock.read(sku));
  if (found) show(stock.draw(found, about, () => showStock(sku)), `Stock of ${sku}`);
}

async function showReplays() {
  const wanted = (shown = { section: "replays" });
  const found = await showing(wanted, replays.read);
  if (found) show(replays.draw(found, about, showReplays), "Replays");
}

/** Where the overview says that an order is: when that changes, its page is read again. */
const stageOf = (orderId) =>
  look?.orders.filter((known) => known.orderId === orderId).map((known) => `${known.name} ${known.state} ${known.stage}`).join();

function route() {
  const [, section = "", name = ""] = location.hash.split("/").map(decodeURIComponent);
  const at = ["queues", "dead-letters", "stock", "replays"].includes(section) ? section : "overview";
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.section === at) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  main.replaceChildren(h("p", { class: "empty", role: "status" }, "Reading …"));
  main.setAttribute("aria-busy", "true");
  window.scrollTo(0, 0);
  if (section === "orders" && name) return showOrder(name, false);
  if (section === "dead-letters") return showLetters(name);
  if (section === "stock") return showStock(name);
  if (section === "replays") return showReplays();
  shown = { section: at };
  return sections[at]();
}

function badge(id, count, label) {
  const element = byId(id);
  element.hidden = count === 0;
  element.textContent = String(count);
  element.setAttribute("aria-label", `${count} ${label}`);
}

function arrived(next) {
  if (!next.at) return;
  look = next;
  badge("letters-count", look.queues.reduce((sum, queue) => sum + (queue.deadLetters ?? 0), 0), "dead letters");
  const deaf = look.queues.filter((queue) => queue.listens === false).length;
  badge("queues-count", deaf, "queues whose consumer does not listen");
  byId("queues-count").className = "count bad";
  byId("calls").textContent = `${look.calls} calls to the cloud in the last minute, of ${about.callsPerMinute} at most; opening an order or letters makes some more.`;
  live(true);
  const { section, orderId, queue, logs } = shown;
  if (orderId) {
    const changed = stageOf(orderId) !== shown.stage;
    if ((changed || shown.settling) && !byId("confirm").open) showOrder(orderId, logs, changed);
  } else if (section === "replays") {
    replays.update(about, showReplays);
  } else if (queue === undefined && sections[section] && !byId("confirm").open) {
    sections[section]();
  }
}

function live(on) {
  const text = !on ? "the console does not answer: it may have been ended in its terminal"
    : look?.problems.length ? `as of ${time(look.at)} UTC, but ${look.problems.join("; ")}`
    : look ? `live, as of ${time(look.at)} UTC` : "first look …";
  const good = on && !look?.problems.length;
  byId("live").className = `live ${good ? "on" : "off"}`;
  // The line is for looking at: said aloud every few seconds it would be noise.
  byId("live").setAttribute("aria-live", good ? "off" : "polite");
  if (byId("live-text").textContent !== text) byId("live-text").textContent = text;
}

byId("find").addEventListener("submit", (event) => {
  event.preventDefault();
  const id = byId("order-id").value.trim().toLowerCase();
  if (id) location.hash = `#/orders/${id}`;
});
window.addEventListener("hashchange", () => {
  route();
  main.focus({ preventScroll: true });
});

try {
  about = await get("/api/about");
  byId("installation").textContent = about.prefix;
  byId("mode").hidden = !about.readOnly;
  listen(arrived, live);
  route();
} catch (failure) {
  fail(failure);
}
