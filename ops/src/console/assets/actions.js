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
export async function propose({ name, button, harm = false, path, wish = {}, warning }) {
  title.textContent = name;
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

  const show = (would) => {
    agreed = would.what;
    what.textContent = would.what;
    more.replaceChildren(...(warning ? [h("p", { class: "notice bad" }, warning)] : []));
    if (would.letters.length > 0) {
      more.append(table("The letters that are meant", [["Letters", "number"], ["What"], ["Why it was given up"]],
        would.letters.map((group) =>
          h("tr", {}, h("td", { class: "number" }, String(group.letters)), h("td", {}, group.what), h("td", {}, group.reason)))));
    }
    yes.disabled = false;
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
    say("Doing it. Sending letters back takes a minute where a sample goes first …");
    try {
      const answer = await post(path, { ...wish, agreed });
      done = true;
      what.textContent = "Done.";
      more.replaceChildren();
      say(told(answer.done), "good");
      yes.hidden = true;
      no.textContent = "Close";
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
    show((await post(path, wish)).would);
  } catch (failure) {
    refused(failure);
  }
  await closed;
  yes.removeEventListener("click", agree);
  no.removeEventListener("click", close);
  dialog.removeEventListener("cancel", keep);
  return done;
}

/** What was done, for people. */
function told(done) {
  if (done.started) return `${done.started} has begun.`;
  if (done.moved) return `${done.moved.sentBack} sent back to ${done.queue}; what comes back here is not repaired.`;
  if (done.file) return `${done.dropped} letters of ${done.queue} dropped; they are in ${done.file} where the console was started, whole: keep it to yourself.`;
  return `${done.done}.`;
}
