// Makes elements. Whatever comes from outside becomes text, never markup: nothing here parses HTML.

const SVG = "http://www.w3.org/2000/svg";

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

/** An HTML element with attributes, listeners (`onclick`) and children, which are elements or texts. */
export const h = (tag, attributes = {}, ...children) =>
  filled(document.createElement(tag), attributes, children);

/** The same for SVG. */
export const svg = (tag, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, tag), attributes, children);

export const byId = (id) => document.getElementById(id);

/** A time between, as people say it. */
export function between(from, to = Date.now()) {
  const seconds = Math.max(0, Math.round((to - new Date(from)) / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} days`;
}

/** A time with the time of day, in UTC like everything else here. */
export const time = (at) => new Date(at).toISOString().slice(11, 19);

export const tag = (text, meaning = "") => h("span", { class: `tag ${meaning}` }, text);

/** A sheet with a title, something beside it, and a content. */
export const sheet = (title, beside, ...content) =>
  h("section", { class: "sheet" }, h("div", { class: "title" }, h("h2", {}, title), beside), ...content);

/** Something to be filled in, under its name. */
export const field = (name, input) => h("label", { class: "field" }, h("span", {}, name), input);

/** A table of rows, which scrolls by itself where it is too wide. */
export const table = (label, headings, rows) =>
  h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    h("table", {},
      h("thead", {}, h("tr", {}, headings.map(([text, kind]) => h("th", { class: kind, scope: "col" }, text)))),
      h("tbody", {}, rows)));
