// Replays: what was said on a bus is told again, to those who bear it, and somebody looks whether anything has changed.

import { propose } from "./actions.js";
import { field, h, sheet, table, tag, time } from "./elements.js";
import { get, post } from "./server.js";

export const read = () => get("/api/replays");

const STATE = { COMPLETED: "good", FAILED: "bad", RUNNING: "wait", STARTING: "wait", CANCELLING: "wait" };

/** How far the replay of this console is, in words. */
function told(stage) {
  switch (stage?.stage) {
    case "ARCHIVE": return `waiting until the archive has all of it: ${stage.seconds} of ${stage.of} s`;
    case "TELLING": return stage.until ? `${stage.replay} has told what was said until ${stage.until}` : `${stage.replay} has begun`;
    case "HANDLING": return `all is told; ${stage.left} messages are left to be handled`;
    case "COMPARING": return `comparing pools and nodes: ${stage.done} of ${stage.of} SKUs`;
    default: return "it begins";
  }
}

function under(current, readOnly, again) {
  if (!current) return h("p", { class: "empty" }, "This console has begun none.");
  const { ended } = current;
  const meaning = ended ? (ended.well ? "good" : "bad") : "wait";
  return h("div", { class: "inside column", "data-replay": ended ? (ended.well ? "WELL" : "WRONG") : "UNDER_WAY" },
    h("p", {}, current.what),
    h("p", { role: "status" }, tag(ended ? (ended.well ? "well" : "wrong") : current.stopping ? "stopping" : "under way", meaning), " ",
      ended ? ended.sentence : told(current.stage)),
    !ended && h("div", { class: "buttons" }, h("button", {
      type: "button", class: "harm", "data-action": "stop", disabled: readOnly || current.stopping,
      onclick: async () => {
        await post("/api/replays/stop", {}).catch(() => {});
        again();
      },
    }, "Stop it"), h("span", { class: "quiet small" }, "What was told by then is handled. It goes on if this page is closed.")));
}

/** Draws how far it is where it is drawn, and nothing else: the form keeps what was typed. */
export async function update(about, again) {
  const place = document.getElementById("current");
  if (!place) return;
  const current = await get("/api/replays/current").catch(() => null);
  if (!current || place.dataset.drawn === JSON.stringify(current)) return;
  const hadEnded = place.querySelector("[data-replay=UNDER_WAY]") === null;
  place.dataset.drawn = JSON.stringify(current);
  place.replaceChildren(under(current, about.readOnly, () => update(about, again)));
  if (current.ended && !hadEnded) again();
}

/** Shows whom a wish would tell how much, as the dry run of the command does. */
export function plan(found) {
  const rows = (hearers) => hearers.map((hearer) => h("tr", {},
    h("td", {}, hearer.rule, h("span", { class: "sub" }, hearer.events.join(", "))), h("td", {}, hearer.does)));
  const headings = [["Rule"], ["What a second telling does"]];
  return [
    h("p", {}, found.sentence, "."),
    found.refused && h("p", { class: "notice bad" }, found.refused),
    h("p", { class: "quiet small" }, found.reckoning),
    h("h3", {}, "Told"), table("Told", headings, rows(found.tells)),
    found.others.length > 0 && h("details", {}, h("summary", {}, `${found.others.length} rules are not told`), table("Not told", headings, rows(found.others))),
  ];
}

const minutesAgo = (minutes) => `${new Date(Date.now() - minutes * 60000).toISOString().slice(0, 16)}:00Z`;

function form(buses, { readOnly }, again) {
  const bus = h("select", { id: "bus" }, buses.map((name) => h("option", { value: name }, name)));
  const text = (id, value, more = {}) => h("input", { type: "text", id, value, autocomplete: "off", spellcheck: "false", ...more });
  const [from, to] = [text("from", minutesAgo(75)), text("to", minutesAgo(15))];
  const rules = text("rules", "", { placeholder: "all who hear replays" });
  const number = (id, value) => h("input", { type: "number", id, value, min: "0", step: "1" });
  const [lag, rest] = [number("lag", "600"), number("rest", "600")];
  const effects = h("input", { type: "checkbox", id: "although-effects" });
  return h("form", {
    class: "form",
    onsubmit: async (event) => {
      event.preventDefault();
      const wish = {
        bus: bus.value, from: from.value, to: to.value, rules: rules.value.split(/[\s,]+/).filter(Boolean),
        althoughEffects: effects.checked, lagSeconds: Number(lag.value), restSeconds: Number(rest.value),
      };
      if (await propose({ name: `Tell again what was said on ${bus.value}`, button: "Tell it again", path: "/api/replays", wish, wide: true, plan })) again();
    },
  }, field("Bus", bus), field("From", from), field("To", to), field("Rules or functions", rules),
  field("Seconds until an event is in the archive", lag), field("Seconds to wait until it is handled", rest),
  h("label", { class: "check" }, effects, "Also those that act outside, which know what they did"),
  h("button", { type: "submit", class: "main", "data-action": "replay", disabled: readOnly }, "See whom this would tell"));
}

/** Draws the page; `again` reads it once more. */
export function draw(page, about, again) {
  const rows = page.known.map((known) => h("tr", {},
    h("td", { class: "id" }, known.name), h("td", {}, tag(known.state, STATE[known.state] ?? "")), h("td", {}, known.archive),
    h("td", { class: "number" }, known.startedAt ? `${known.startedAt.slice(0, 10)} ${time(known.startedAt)}` : "")));
  return [
    h("div", { class: "head" }, h("h1", {}, "Replays")),
    h("p", { class: "lead" }, "What was said in a window is told again from the archive of a bus, to those who bear a second telling. Afterwards ",
      "queues are waited for, dead letters are counted again, and pools are compared with nodes. Times are in UTC."),
    h("div", { class: "two" },
      h("div", { class: "column" },
        sheet("Of this console", null, h("div", { id: "current" }, under(page.current, about.readOnly, () => update(about, again)))),
        sheet("Known to EventBridge", null, rows.length > 0
          ? table("Replays", [["Replay"], ["State"], ["Archive"], ["Begun", "number"]], rows) : h("p", { class: "empty" }, "None."))),
      h("div", { class: "column" }, sheet("Tell a window again", about.readOnly && tag("this console only looks"),
        h("div", { class: "inside" }, form(page.buses, about, again))))),
  ];
}
