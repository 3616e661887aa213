// The page comes and goes: network lost and found, tab hidden and shown, page left and restored.

import { call } from "../api.js";

/**
 * @param {object} parts
 * @param {import("./book.js").Book} parts.book
 * @param {import("./thumbs.js").Thumbs} parts.thumbs
 * @param {{pages_url: string, reviews_url: string, lease_seconds: number}} parts.config
 * @param {number} parts.person
 */
export function listenToPage({ book, thumbs, config, person }) {
  const wake = () => {
    thumbs.wake();
    book.wake();
  };
  addEventListener("online", wake);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return book.stopwatch.pause();
    if (book.painted) book.stopwatch.resume();
    wake();
  });
  // Three times within a lease: one call may get lost. A hidden tab keeps nothing from the others.
  setInterval(() => document.hidden || void book.keep(), (config.lease_seconds * 1000) / 3);

  addEventListener("beforeunload", (event) => {
    if (book.atRisk) event.preventDefault(); // the browser asks: what was changed or is under way would be lost
  });
  addEventListener("pagehide", () => {
    if (book.isSomebodyElses) return;
    // The page will not see the outcome. Images that could not be given back return when their lease ends.
    const unseen = () => {};
    const { sending } = book;
    if (sending) call("POST", config.reviews_url, { body: sending.body, key: sending.key, person, keepalive: true }).catch(unseen);
    for (const page of book.held) {
      if (page !== sending?.page.id) call("DELETE", `${config.pages_url}${page}/`, { person, keepalive: true }).catch(unseen);
    }
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    // What was held has been given back; a page that was under way is still to be heard of.
    if (book.sending) book.ahead = [];
    else return void book.restart();
    book.wake();
  });
}
