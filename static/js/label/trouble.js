// What kind of trouble is an error, and how long to wait before the next attempt. No page here.

import { Refused, Unreachable } from "../api.js";

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
const SIGNED_OUT = new Set(["not_authenticated", "authentication_failed", "csrf_failed"]);

/**
 * @typedef {"" | "offline" | "busy" | "signed_out" | "another_person"} Trouble
 *
 * @param {Error | null} error
 * @returns {Trouble} "" when trying again is useless: the server understood and said no
 */
export function troubleOf(error) {
  if (error instanceof Unreachable) return "offline";
  if (!(error instanceof Refused)) return "";
  if (error.code === "another_person") return "another_person";
  if (error.status === 401 || SIGNED_OUT.has(error.code)) return "signed_out";
  // Without a code it is not our server that speaks but something before it: a proxy, or a hotel that wants to be paid.
  return error.status >= 500 || error.status === 429 || error.status === 408 || !error.code ? "busy" : "";
}

/** Milliseconds: doubled each time, spread by up to a half, so that a room full of tabs does not return as one. */
export function pauseAfter(failures, retryAfterSeconds, random) {
  if (retryAfterSeconds) return retryAfterSeconds * 1000 * (1 + random / 4);
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1)) * (1 + random / 2);
}
