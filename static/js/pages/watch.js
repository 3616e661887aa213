// Keep a progress bar moving while the page is open: asks the REST API about one row until its work has ended, then loads
// the page again, which shows the outcome. Without this script a reload shows the same.
//
// <section data-watch="/api/runs/3/"> with, somewhere inside, <progress>, [data-stage], [data-count] and [data-left].

import { call } from "../api.js";

const EVERY_MS = 1500;
const SLOWER_MS = 10_000;
const UNFINISHED = new Set(["queued", "running"]);

/** What to show of a row: pure, so that it can be tested without a page. */
export function shown(row) {
  const { done = 0, total = 0 } = row.progress ?? {};
  return {
    ended: !UNFINISHED.has(row.state),
    done,
    total,
    count: counted(done, total),
    stage: row.stage ?? row.progress?.stage ?? "",
    minutes: row.seconds_left == null ? null : Math.round(row.seconds_left / 60),
  };
}

// A whole of 100 is a percentage, not a hundred things. labeler/templatetags/figures.py says the same.
function counted(done, total) {
  if (!total) return "";
  return total === 100 ? `${done}\u00a0%` : `${done.toLocaleString()} / ${total.toLocaleString()}`;
}

function show(section, row) {
  const now = shown(row);
  const bar = section.querySelector("progress");
  if (bar && now.total > 0) {
    bar.max = now.total;
    bar.value = now.done;
  }
  const stage = section.querySelector("[data-stage]");
  if (stage && now.stage) stage.textContent = now.stage;
  const count = section.querySelector("[data-count]");
  if (count) count.textContent = now.count;
  const left = section.querySelector("[data-left]");
  // Not known: what the page said stays. The words are the page's (templates/model/time_left.html).
  if (left && now.minutes !== null) {
    left.textContent = now.minutes < 1 ? left.dataset.soon : left.dataset.minutes.replace("{n}", now.minutes);
  }
  return now.ended;
}

async function watch(section) {
  let ended = false;
  while (!ended) {
    // A page in the background asks rarely: nobody looks at it.
    await new Promise((resume) => setTimeout(resume, document.hidden ? SLOWER_MS : EVERY_MS));
    try {
      ended = show(section, await call("GET", section.dataset.watch));
    } catch (problem) {
      if (problem.status === 401 || problem.status === 403 || problem.status === 404) return;
      await new Promise((resume) => setTimeout(resume, SLOWER_MS)); // the server is away: it will be back
    }
  }
  // Not while somebody types into a form of this page.
  if (!document.activeElement?.matches("input, textarea, select")) location.reload();
}

document.querySelectorAll("[data-watch]").forEach(watch);
