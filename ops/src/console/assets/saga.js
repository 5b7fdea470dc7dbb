// The saga of an order as a graph: each step beside what undoes it, as `lakeside saga show` draws it.

import { svg } from "./elements.js";

const [WIDTH, HEIGHT, GAP, UNDO] = [210, 46, 22, 270];
const MARKS = { NOT_REACHED: "", DONE: "✓", GAVE_UP: "✗", WAITING: "▶", STOPPED: "■" };

function box(cell, x, y) {
  const mark = MARKS[cell.went];
  return svg("g", { class: cell.went, transform: `translate(${x} ${y})` },
    svg("rect", { class: "box", width: WIDTH, height: HEIGHT, rx: 9 }),
    svg("text", { x: 14, y: cell.told ? 20 : 28 }, cell.state),
    cell.told && svg("text", { class: "told", x: 14, y: 36 }, cell.told),
    mark && svg("text", { class: "mark", x: WIDTH - 14, y: 28, "text-anchor": "end" }, mark));
}

const arrow = (x, y, direction) => svg("path", { class: "head", d: `M${x} ${y} l${direction}` });

/** Draws one execution. */
export function graph(saga) {
  const rows = [...saga.rows, ...saga.ends.map((end) => ({ step: end, undo: null, end: true }))];
  const height = rows.length * (HEIGHT + GAP) - GAP + 4;
  const said = rows.flatMap(({ step, undo }) => [step, undo]).filter((cell) => cell?.told)
    .map((cell) => `${cell.state} ${cell.told}`).join(", ");
  const picture = svg("svg", {
    class: "graph", viewBox: `0 0 ${UNDO + WIDTH + 4} ${height}`, role: "img",
    "aria-label": `The saga ${saga.name}: ${said || "no step has begun"}`,
  });
  rows.forEach(({ step, undo, end }, index) => {
    const y = index * (HEIGHT + GAP) + 2;
    if (index > 0 && !end) {
      picture.append(svg("path", { class: "edge", d: `M${WIDTH / 2} ${y - GAP} v${GAP - 6}` }),
        arrow(WIDTH / 2, y, "-4 -7 h8 z"));
    }
    if (undo) {
      const middle = y + HEIGHT / 2;
      picture.append(svg("path", { class: "edge", d: `M${WIDTH + 8} ${middle} H${UNDO}`, "stroke-dasharray": "3 4" }),
        arrow(WIDTH + 3, middle, "7 -4 v8 z"), box(undo, UNDO + 2, y));
    }
    picture.append(box(step, 2, y));
  });
  return picture;
}
