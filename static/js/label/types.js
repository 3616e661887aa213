// The shapes that pass between the modules of the labeling screen (JSDoc only).

/**
 * One image held for this person, as POST /api/projects/{id}/claims/ gives it.
 * @typedef {object} Claim
 * @property {{id: number, name: string, width: number, height: number, preview_url: string, file_url: string, strip_url?: string}} image
 *   strip_url: for the last 8; without one the preview, which was just shown and costs no request
 * @property {Prelabel | null} prelabel null: to be judged without help
 * @property {string} [expires_at]
 *
 * @typedef {{categories: (number | string)[], probability: number, calibrated: boolean}} Prelabel
 *
 * @typedef {{id: number, name: string, key: string, description: string, colour: number, shape: number}} Category
 *   colour (1..6) and shape (1..12) of its marker, as labeler/markers.py chose them
 *
 * What a person said about an image: classes (none of them: a verified none), or why not.
 * @typedef {{categories: number[]} | {answer: "skip" | "cannot_tell"}} Choice
 *
 * One thing to tell the server, kept until it said yes or no.
 * @typedef {object} Sending
 * @property {number} imageId
 * @property {"PUT" | "DELETE"} method
 * @property {object} [body]
 * @property {string} key the same for every attempt: the server does it once
 * @property {Sending | null} [undoes] the answer that a DELETE takes back
 * @property {"waiting" | "sending" | "saved" | "refused"} state
 * @property {Error} [error] why it was refused
 *
 * One answer of this session, newest first in the history.
 * @typedef {{claim: Claim, choice: Choice, sending: Sending | null}} Answered
 */

export {};
