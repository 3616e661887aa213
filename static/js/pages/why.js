// The map of what speaks for the model's answer, over the image, without a reload: asks until a worker has made it, then
// switches it on and off. Without this module the same button loads the page with the map.

import { call } from "../api.js";
import { el } from "../dom.js";

const FIRST_MS = 250;
const MOST_MS = 2000;
const PATIENCE_MS = 60_000;
const UNFINISHED = new Set(["queued", "running"]);

/** How long to wait before asking for the n-th time again, in ms: soon at first, then patiently. */
export function pause(n) {
  return Math.min(MOST_MS, FIRST_MS * 1.5 ** n);
}

async function explained(url) {
  const until = Date.now() + PATIENCE_MS;
  for (let n = 0; Date.now() < until; n += 1) {
    const row = await call("GET", url);
    if (!UNFINISHED.has(row.state)) return row;
    await new Promise((resume) => setTimeout(resume, pause(n)));
  }
  return null;
}

function prepare(part) {
  const button = part.querySelector("button");
  const told = part.querySelector("[data-told]");
  const state = part.querySelector("[data-state]");
  const frame = document.querySelector("figure.pic > a, figure.drawn-over .over");
  const of = part.querySelector("select");
  let map = frame.querySelector(".heat");
  let busy = false;

  function show(on) {
    button.setAttribute("aria-pressed", String(on));
    told.hidden = !on;
    if (map) map.hidden = !on;
  }

  async function make() {
    busy = true;
    state.textContent = part.dataset.making;
    try {
      const asked = of?.value ? `${part.dataset.why}?category=${encodeURIComponent(of.value)}` : part.dataset.why;
      const row = await explained(asked);
      if (!row || row.state !== "done") {
        state.textContent = row?.error?.message || part.dataset.late;
        return;
      }
      // Of several classes it is about the surest one, so the words say which.
      const words = `${part.dataset.alt.replace("%s", () => row.category)} ${row.where}`;
      map?.remove();
      map = el("img", { class: "heat", alt: words });
      map.src = row.map_url;
      // Above the picture, below what is drawn over it.
      frame.querySelector("img").after(map);
      part.querySelector("[data-where]").textContent = words;
      part.querySelector("[data-how]").textContent = row.how;
      state.textContent = "";
      show(true);
    } catch (problem) {
      state.textContent = problem.message;
    } finally {
      busy = false;
    }
  }

  // Another class is another map: shown at once where one is shown.
  of?.addEventListener("change", () => {
    if (busy) return;
    if (map && !map.hidden) {
      make();
    } else {
      map?.remove();
      map = null;
    }
  });

  part.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (busy) return;
    if (map) show(map.hidden);
    else make();
  });
}

if (typeof document !== "undefined") document.querySelectorAll("[data-why]").forEach(prepare);
