// The shapes that pass between the modules of the labeling screen (JSDoc only).

/**
 * One image held for this person, as POST /api/projects/{id}/claims/ gives it.
 * @typedef {object} Claim
 * @property {{id: number, name: string, description: string, width: number, height: number, preview_url: string, file_url: string, strip_url?: string}} image
 *   strip_url: for the last 8; without one the preview, which was just shown and costs no request
 * @property {Prelabel | null} prelabel null: to be judged without help
 * @property {string} [expires_at]
 *
 * @typedef {{categories: (number | string)[], probability: number | null, calibrated: boolean}} Prelabel
 *
 * @typedef {{id: number, name: string, key: string, description: string, colour: number, shape: number,
 *   examples: {image: number, caption: string, width?: number, height?: number, drawn?: string}[]}} Category
 *   colour (1..6) and shape (1..12) of its marker, as labeler/label_set/markers.py chose them
 *
 * What a person said about an image: classes (none of them: a verified none), or why not.
 * @typedef {{categories: number[], objects?: object[]} | {answer: "skip" | "cannot_tell", reason?: string}} Choice
 *
 * What is written down beside an answer, so that any later page can say what it was. No byte of the image.
 * @typedef {{project: number, claim: Claim, choice: Choice, names: string[], step: number}} Note names: of the classes;
 *   step: how much the number of images done changes
 *
 * One thing to tell the server, kept until it said yes or no.
 * @typedef {object} Sending
 * @property {number} imageId
 * @property {"PUT" | "DELETE"} method
 * @property {object} [body]
 * @property {string} key the same for every attempt: the server does it once
 * @property {Sending | null} [undoes] the answer that a DELETE takes back
 * @property {Note} [note]
 * @property {"waiting" | "sending" | "saved" | "refused"} state
 * @property {{code: string, status: number, message: string}} [error] why it was refused
 * @property {"writing" | "yes" | "no"} [kept] whether the browser keeps it for a later page
 * @property {Promise<void>} [written]
 * @property {number} [seq] its place in the outbox
 *
 * The same as the browser keeps it (outbox.js).
 * @typedef {object} Entry
 * @property {number} [seq] given by the database
 * @property {string} key
 * @property {number} person whose answer it is; it is sent for nobody else
 * @property {string} tab who sends it, as long as that tab is there
 * @property {number} imageId
 * @property {"PUT" | "DELETE"} method
 * @property {object} [body]
 * @property {string | null} undoes the key of what a DELETE takes back
 * @property {Note} note
 * @property {"waiting" | "refused"} state
 * @property {{code: string, status: number, message: string}} [error]
 *
 * One answer of this session, newest first in the history.
 * @typedef {{claim: Claim, choice: Choice, sending: Sending | null}} Answered
 */

export {};
