// How long will the rest take? No DOM here: easy to test.

const FIRST_MS = 2500; // before that a guess would jump about

/**
 * @param {number} done @param {number} total @param {number} elapsed milliseconds since the first
 * @returns {number | null} seconds, null while nobody can know
 */
export function secondsLeft(done, total, elapsed) {
  if (elapsed < FIRST_MS || done <= 0 || done >= total) return null;
  return Math.max(1, Math.round((elapsed / done) * (total - done) / 1000));
}

/** 95 -> "2 min", 38 -> "38 s". @param {number} seconds @param {{seconds: string, minutes: string}} words */
export function inWords(seconds, words) {
  return seconds < 90 ? words.seconds.replace("{n}", seconds) : words.minutes.replace("{n}", Math.round(seconds / 60));
}
