// Asks before anything is changed. What is shown is what the server says it would do, and the server does nothing else:
// it is told the words that were agreed to.

import { byId, h, table } from "./elements.js";
import { post } from "./server.js";

const dialog = byId("confirm");
const [title, what, more, outcome, yes, no] =
  ["title", "what", "more", "outcome", "yes", "no"].map((part) => byId(`confirm-${part}`));

function say(text, kind = "") {
  outcome.textContent = text;
  outcome.className = kind;
}

/** Shows what `wish` at `path` would come to, and does it if that is agreed to. Answers whether anything was done. */
export async function propose({ name, button, harm = false, path, wish = {}, warning, wide = false, plan = () => [] }) {
  title.textContent = name;
  dialog.classList.toggle("wide", wide);
  what.textContent = "Looking what this would come to …";
  more.replaceChildren();
  say("");
  yes.hidden = false;
  yes.disabled = true;
  yes.textContent = button;
  yes.className = harm ? "harm" : "main";
  no.textContent = "Do nothing";
  no.disabled = false;
  dialog.showModal();
  no.focus();
  let done = false;
  let agreed = null;

  const show = ({ would, done: already }) => {
    if (!would) return finish(already);
    agreed = would.what;
    what.textContent = would.what;
    more.replaceChildren(...(warning ? [h("p", { class: "notice bad" }, warning)] : []));
    if (would.letters.length > 0) {
      more.append(table("The letters that are meant", [["Letters", "number"], ["What"], ["Why it was given up"]],
        would.letters.map((group) =>
          h("tr", {}, h("td", { class: "number" }, String(group.letters)), h("td", {}, group.what), h("td", {}, group.reason)))));
    }
    if (would.plan) more.append(...plan(would.plan).filter(Boolean));
    // What a guard refuses is shown with whom it would tell, and cannot be agreed to.
    yes.hidden = Boolean(would.plan?.refused);
    yes.disabled = yes.hidden;
  };
  const finish = (answered) => {
    what.textContent = "Done.";
    more.replaceChildren();
    const [text, kind] = told(answered);
    say(text, kind);
    yes.hidden = true;
    no.textContent = "Close";
  };
  const refused = (failure) => {
    what.textContent = failure.kind === "GUARDED" ? "A guard refuses this:" : "This could not be done:";
    more.replaceChildren();
    say(failure.message, "bad");
    yes.hidden = true;
    no.textContent = "Close";
  };
  const agree = async () => {
    yes.disabled = true;
    no.disabled = true;
    say("Doing it. Sending letters back takes as long as it takes to see what becomes of the sample …");
    try {
      const answer = await post(path, { ...wish, agreed });
      done = true;
      finish(answer.done);
    } catch (failure) {
      done = true;
      refused(failure);
    }
    no.disabled = false;
    no.focus();
  };

  const closed = new Promise((resolve) => dialog.addEventListener("close", () => resolve(), { once: true }));
  const keep = (event) => no.disabled && event.preventDefault();
  const close = () => dialog.close();
  dialog.addEventListener("cancel", keep);
  yes.addEventListener("click", agree);
  no.addEventListener("click", close);
  try {
    show(await post(path, wish));
  } catch (failure) {
    refused(failure);
  }
  await closed;
  yes.removeEventListener("click", agree);
  no.removeEventListener("click", close);
  dialog.removeEventListener("cancel", keep);
  return done;
}

/** What was done, for people, and whether it is good. */
function told(done) {
  if (done.started) return [`${done.started} has begun.`, "good"];
  if (done.moved) return [`${done.moved.sentBack} sent back to ${done.queue}; what comes back here is not repaired.`, "good"];
  if (done.file) return [`${done.dropped} letters of ${done.queue} dropped; they are in ${done.file} where the console was started, whole: keep it to yourself.`, "good"];
  if (done.begun) return ["It has begun: this page says how far it is.", "good"];
  if (done.booked === 0) return [`${done.onHand} of ${done.sku} are at ${done.node} already: nothing is booked.`, "good"];
  if (done.booked) return [`${done.booked > 0 ? "+" : ""}${done.booked} ${done.sku} at ${done.node} booked under ${done.id}: ${done.onHand} lie there now.`, "good"];
  if (done.books) return compared(done.books);
  return [`${done.done}.`, "good"];
}

function compared({ agree, different, unsettled, moves }) {
  const differ = Object.entries(different).map(([sku, why]) => `${sku}: ${why}`);
  const rest = [`${agree} SKUs agree, ${differ.length} do not`, unsettled > 0 && `${unsettled} changed too fast to be judged`,
    moves > 0 && `${moves} moves between pools`].filter(Boolean).join(", ");
  return [[`${rest}.`, ...differ].join(" "), differ.length > 0 ? "bad" : "good"];
}
