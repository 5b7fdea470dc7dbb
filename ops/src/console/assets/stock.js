// Stock: what there is of a SKU, booking what was counted, and comparing pools with nodes.

import { propose } from "./actions.js";
import { between, field, h, sheet, table, tag } from "./elements.js";
import { get } from "./server.js";

export const read = (sku) => get(`/api/stock/${encodeURIComponent(sku)}`);

const compare = (name, skus, done) => h("button", {
  type: "button", "data-action": "reconcile", disabled: done === null,
  onclick: async () => {
    if (await propose({ name, button: "Compare", path: "/api/reconciliation", wish: { skus } })) done();
  },
}, name);

function search(sku = "") {
  const input = h("input", { type: "text", id: "sku", value: sku, placeholder: "TENT-2P", autocomplete: "off", spellcheck: "false" });
  return h("form", {
    class: "form", role: "search",
    onsubmit: (event) => {
      event.preventDefault();
      const wanted = input.value.trim();
      if (wanted) location.hash = `#/stock/${encodeURIComponent(wanted)}`;
    },
  }, field("SKU", input), h("button", { type: "submit" }, "Look"));
}

/** Where nothing is chosen yet. */
export const drawNone = ({ readOnly }) => [
  h("div", { class: "head" }, h("h1", {}, "Stock"), h("span", { class: "push" }, compare("Compare all SKUs", [], readOnly ? null : () => {}))),
  h("p", { class: "lead" }, "What may be promised, where it lies, and who holds it. Comparing takes a call for every fifty SKUs, ",
    "and evens out the pools of those that agree, as the function does every fifteen minutes."),
  h("section", { class: "sheet" }, h("div", { class: "inside" }, search())),
];

function adjust(stock, { readOnly }, again) {
  const nodes = h("datalist", { id: "nodes" }, stock.nodes.map(({ node }) => h("option", { value: node })));
  const node = h("input", { type: "text", id: "node", list: "nodes", autocomplete: "off", spellcheck: "false", value: stock.nodes[0]?.node ?? "" });
  const how = h("select", { id: "how" }, h("option", { value: "onHand" }, "so many lie there, as counted"), h("option", { value: "by" }, "so many more, or fewer"));
  const units = h("input", { type: "number", id: "units", step: "1" });
  const kind = h("select", { id: "kind" }, h("option", { value: "COUNT" }, "a count"), h("option", { value: "RECEIPT" }, "goods that came in"));
  const first = h("input", { type: "checkbox", id: "first" });
  // The same wish is booked once, however often the button is pressed; another one is another change.
  let [id, said] = [crypto.randomUUID(), ""];
  return h("form", {
    class: "form",
    onsubmit: async (event) => {
      event.preventDefault();
      const wish = { node: node.value, [how.value]: units.value === "" ? null : Number(units.value), kind: kind.value, first: first.checked };
      const saying = JSON.stringify(wish);
      if (said && said !== saying) id = crypto.randomUUID();
      said = saying;
      const path = `/api/stock/${encodeURIComponent(stock.sku)}/adjust`;
      if (await propose({ name: `Book stock of ${stock.sku}`, button: "Book", path, wish: { ...wish, id } })) again();
    },
  }, nodes, field("Node", node), field("What is known", how), field("Units", units), field("Because of", kind),
  h("label", { class: "check" }, first, "The node has never had any of it, and that is right"),
  h("button", { type: "submit", class: "main", "data-action": "adjust", disabled: readOnly }, "Book"));
}

/** The stock of one SKU; `again` reads it once more. */
export function draw(stock, about, again) {
  const number = (count) => h("td", { class: "number" }, String(count));
  const pools = stock.pools.map((pool) => h("tr", {}, h("td", {}, String(pool.pool)),
    number(pool.available), number(pool.held), number(pool.sold), number(pool.received), number(pool.version)));
  const nodes = stock.nodes.map((node) => h("tr", { "data-node": node.node }, h("td", {}, node.node), number(node.onHand), number(node.version)));
  const holds = stock.holds.map((hold) => h("tr", {},
    h("td", { class: "id" }, h("a", { href: `#/orders/${hold.orderId}` }, hold.orderId)), number(hold.units),
    h("td", {}, new Date(hold.expiresAt) <= Date.now() ? `over since ${between(hold.expiresAt)}` : `for ${between(Date.now(), new Date(hold.expiresAt))}`)));
  const agree = stock.differences.length === 0;
  const promised = stock.available === null ? "a count is below zero" : `${stock.available} may be promised, version ${stock.version}`;
  return [
    h("div", { class: "head" }, h("h1", {}, "Stock of ", h("span", { class: "id" }, stock.sku)),
      h("span", { class: "buttons push" }, compare(`Compare ${stock.sku}`, [stock.sku], about.readOnly ? null : again),
        h("button", { type: "button", id: "again", onclick: () => again() }, "Read again"))),
    h("p", { class: "lead" }, `${promised}. `, tag(agree ? "pools and nodes agree" : "pools and nodes do not agree", agree ? "good" : "bad")),
    h("div", { class: "two" },
      h("div", { class: "column" },
        sheet("Pools", stock.wantedPools !== null && h("span", { class: "quiet small push" }, `${stock.wantedPools} are wanted`),
          table("Pools", [["Pool"], ["Available", "number"], ["Held", "number"], ["Sold", "number"], ["Received", "number"], ["Version", "number"]], pools)),
        sheet("Nodes", null, table("Nodes", [["Node"], ["On hand", "number"], ["Version", "number"]], nodes)),
        holds.length > 0 && sheet("Held by", !stock.allHolds && h("span", { class: "quiet small push" }, "those that end soonest"),
          table("Held by", [["Order"], ["Units", "number"], [""]], holds))),
      h("div", { class: "column" },
        sheet("Book what was counted or came in", about.readOnly && tag("this console only looks"), h("div", { class: "inside" }, adjust(stock, about, again))),
        h("section", { class: "sheet" }, h("div", { class: "inside" }, search())))),
  ];
}
