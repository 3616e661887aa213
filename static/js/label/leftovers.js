// Send what closed tabs left in this browser, from a page that is not the labeling screen, and say so in one line.

import { el } from "../dom.js";
import { postFor } from "./post.js";
import { lineFor } from "./standing.js";
import { newUuid } from "./uuid.js";
import { Words } from "./words.js";

const STUCK_MS = 3_000; // what another tab sends at once is not worth a word

/** @param {HTMLElement} root with the sentences in its data attributes @param {number} person */
export async function sendLeftovers(root, person) {
  const words = new Words({ ...root.dataset }, document.documentElement.lang);
  const timers = { set: setTimeout.bind(window), clear: clearTimeout.bind(window), random: Math.random };
  const firstSeen = new Map();
  let adopted = 0;
  const { saver, keeper } = postFor({
    person,
    tab: newUuid(),
    onChange: draw,
    onAdopted: (sendings) => (adopted += sendings.filter(({ state }) => state !== "refused").length),
    timers,
    mustExist: true,
  });

  function draw() {
    const now = performance.now();
    for (const { key } of keeper.elsewhere) if (!firstSeen.has(key)) firstSeen.set(key, now);
    const stuck = keeper.elsewhere.filter(({ key }) => now - firstSeen.get(key) >= STUCK_MS);
    const { trouble, unsettled, refused } = saver;
    const line = lineFor({ own: unsettled.length, stuck: stuck.length, refused: refused.length, adopted, trouble });
    const about = [...refused, ...unsettled, ...stuck][0]?.note.project;
    say(line, line?.isTrouble && about);
  }

  /** @param {number | false | undefined} project where the person finds more about it */
  function say(line, project) {
    const text = line ? words.count(line.name, line.n) : "";
    if (root.dataset.said === text) return; // a focused link stays
    root.dataset.said = text;
    const link = () => el("a", { href: `/projects/${project}/label/` }, words.say("labeling"));
    const note = () => el("p", { class: `note row wrap${line.name === "refused" ? " warning" : ""}` }, el("span", {}, text), ...(project ? [link()] : []));
    root.replaceChildren(...(text ? [note()] : []));
  }

  addEventListener("online", () => saver.wake());
  document.addEventListener("visibilitychange", () => document.hidden || saver.wake());
  addEventListener("pagehide", () => keeper.leave());
  addEventListener("pageshow", ({ persisted }) => persisted && void keeper.start());
  await keeper.start();
}
