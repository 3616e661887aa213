// Show a text as it will be read while it is typed. Without this module the Preview button does the same, with a new page.

const PAUSE_MS = 400;
const form = document.querySelector("form[data-preview]");
const shown = document.getElementById("preview");
let timer = 0;
let asking = new AbortController();

async function show() {
  asking.abort();
  asking = new AbortController();
  const body = new FormData(form);
  body.set("do", "preview");
  try {
    const answer = await fetch(form.action, { method: "POST", body, signal: asking.signal, credentials: "same-origin" });
    if (!answer.ok) return;
    // The whole page came back: the one part that says how the text is read takes the place of ours.
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("preview");
    if (fresh) shown.replaceChildren(...fresh.childNodes);
  } catch {
    // No connection, or the next letter was quicker: what is shown stays, and saving says what is wrong.
  }
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(show, PAUSE_MS);
}

form?.addEventListener("input", soon);
// On a slow connection a person types before this module is there, and a browser fills in what was typed before a reload.
if ([...(form?.querySelectorAll("textarea, input") ?? [])].some((field) => field.value !== field.defaultValue)) soon();
