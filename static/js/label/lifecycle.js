// The page comes and goes: network lost and found, tab hidden and shown, laptop asleep and awake, page left and restored.

import { call } from "../api.js";
import { labelUrl } from "./post.js";

const claimUrl = (imageId) => `/api/images/${imageId}/claim/`;

/**
 * @param {object} parts
 * @param {number} parts.person
 * @param {import("./session.js").Session} parts.session
 * @param {import("./saver.js").Saver} parts.saver
 * @param {import("./keeper.js").Keeper} parts.keeper
 * @param {import("./images.js").ImageStore} parts.images
 * @param {import("./leases.js").Leases} parts.leases
 * @param {(imageId: number) => boolean} [parts.isBegun] something is drawn on it: it is not given back
 * @returns {{tryNow: () => void}}
 */
export function listenToPage({ person, session, saver, keeper, images, leases, isBegun = () => false }) {
  const { queue } = session;

  function tryNow() {
    saver.wake();
    images.wake();
    void session.feed({ now: true });
  }

  /** Somebody is here again, after a second or after a night. */
  function comeBack() {
    saver.wake();
    if (session.feedTrouble || !queue.current || leases.isDue) void session.feed({ now: true });
  }

  addEventListener("online", () => {
    images.wake();
    comeBack();
  });
  addEventListener("focus", () => session.trouble && comeBack());
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return session.stopwatch.pause();
    if (session.painted) session.stopwatch.resume();
    comeBack();
  });
  setInterval(() => document.hidden || !leases.isDue || void session.renew(), leases.step);

  addEventListener("beforeunload", (event) => {
    if (saver.atRisk) event.preventDefault(); // the browser asks; it keeps nothing, so answers would be lost
  });
  addEventListener("pagehide", () => {
    // The page will not see the outcome. What does not arrive is kept, and an image not given back returns when its
    // lease ends.
    const unseen = () => {};
    if (!session.isSomebodyElses) {
      for (const { imageId, method, body, key } of saver.heads) {
        call(method, labelUrl(imageId), { body, key, person, keepalive: true }).catch(unseen);
      }
      for (const id of queue.unanswered) if (!isBegun(id)) call("DELETE", claimUrl(id), { person, keepalive: true }).catch(unseen);
    }
    keeper.leave();
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    void keeper.start();
    saver.wake();
    queue.restart(); // what was held has been given back
    session.clear();
    void session.feed({ now: true });
  });
  return { tryNow };
}
