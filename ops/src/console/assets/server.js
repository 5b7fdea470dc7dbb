// Asks the server. Every failure is one sentence, as on the command line.

/** A refusal or failure, with its kind. */
export class Failure extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new Failure("GONE", "the console does not answer: it may have been ended in its terminal");
  }
  const body = await answer.json().catch(() => null);
  if (answer.ok) return body;
  throw new Failure(body?.error?.kind ?? "WRONG", body?.error?.message ?? `the console answered ${answer.status}`);
}

export const get = (path) => ask(path, {});

export const post = (path, wish) =>
  ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(wish) });

/** Listens to every look at the whole; answers what ends it. */
export function listen(onLook, onState) {
  const source = new EventSource("/api/overview");
  source.onmessage = (event) => onLook(JSON.parse(event.data));
  source.onopen = () => onState(true);
  source.onerror = () => onState(false);
  return () => source.close();
}
