// How things stand, in the words of the page: the quiet word about saving, and what to show where no image is.
// No page here; the sentences themselves come from the server (labeler/pages/label/labeling.py).

/**
 * @param {object} now
 * @param {number} now.waiting answers of this person in this browser that the server has not confirmed
 * @param {import("./trouble.js").Trouble} now.trouble
 * @param {number} now.refused answers that the server will not have
 * @param {boolean} now.isRead the outbox has been read: before, nothing can be called saved
 * @returns {{name: string, n: number, isTrouble: boolean}}
 */
export function wordFor({ waiting, trouble, refused, isRead }) {
  const say = (name, n = waiting) => ({ name, n, isTrouble: Boolean(trouble) });
  if (trouble) return say(waiting ? trouble : `${trouble}_idle`);
  if (waiting) return say(waiting > 2 ? "waiting" : "saving");
  if (!isRead) return say("unknown");
  return refused ? { ...say("refused", refused), isTrouble: true } : say("saved");
}

/** The gravest of what is known: who is logged in decides more than whether the network is there. */
export function gravest(troubles) {
  return ["another_person", "signed_out", "offline", "busy"].find((trouble) => troubles.includes(trouble)) ?? "";
}

/**
 * Which words take the place of the image; null: the image itself.
 * @param {object} now
 * @param {boolean} [now.hasClasses] false: there is nothing to choose from, and no image is asked for
 * @param {boolean} [now.hasImages] false: the project has none at all
 * @param {import("./trouble.js").Trouble} now.trouble
 * @param {"none" | "loading" | "ready" | "failed"} now.image the one that is next
 * @param {boolean} now.feedFailed the last call for more images failed
 * @param {boolean} [now.isPaused] because a lead has stopped giving this person images
 * @param {boolean} now.isLoading more images are asked for, or none ever was
 * @returns {string | null}
 */
export function panelFor({ hasClasses = true, hasImages = true, trouble, image, feedFailed, isPaused = false, isLoading }) {
  if (!hasClasses) return "no_classes";
  if (trouble === "another_person") return "another_person";
  if (image === "ready") return null;
  // One that is still loading may have arrived before the network went.
  if (trouble === "offline" && image !== "loading") return "offline";
  if (image !== "none") return image;
  if (feedFailed) return isPaused ? "paused" : "trouble";
  if (isLoading) return "loading";
  return hasImages ? "finished" : "no_images_yet";
}

/**
 * The line on the other pages about answers that wait in this browser.
 * @param {object} now
 * @param {number} now.own what this page is sending
 * @param {number} now.stuck what another tab has been trying to send for a while
 * @param {number} now.refused answers that the server will not have
 * @param {number} now.adopted how many this page took over
 * @param {import("./trouble.js").Trouble} now.trouble
 * @returns {{name: string, n: number, isTrouble: boolean} | null}
 */
export function lineFor({ own, stuck, refused, adopted, trouble }) {
  if (trouble === "another_person") return null; // this page is no longer theirs
  if (refused) return { name: "refused", n: refused, isTrouble: true };
  if (own + stuck) return trouble || stuck ? { name: "waiting", n: own + stuck, isTrouble: true } : { name: "sending", n: own, isTrouble: false };
  return adopted ? { name: "sent", n: adopted, isTrouble: false } : null;
}
