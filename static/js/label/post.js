// From an answer to the server: saver, keeper, outbox and tabs, put together for one person.

import { call, Unreachable } from "../api.js";
import { Keeper } from "./keeper.js";
import { Outbox } from "./outbox.js";
import { Saver } from "./saver.js";
import { Tabs } from "./tabs.js";

export const labelUrl = (imageId) => `/api/images/${imageId}/label/`;

/**
 * @param {object} parts
 * @param {number} parts.person
 * @param {string} parts.tab the name of this tab
 * @param {() => void} parts.onChange
 * @param {() => void} [parts.onBack] the server answers again
 * @param {(sending: import("./types.js").Sending, saved: any) => void} [parts.onSaved] the server's own words
 * @param {(sendings: import("./types.js").Sending[]) => void} [parts.onAdopted] what an earlier tab left
 * @param {{set: Function, clear: Function, random: () => number}} parts.timers
 * @param {boolean} [parts.mustExist] see Outbox
 */
export function postFor({ person, tab, onChange, onBack, onSaved, onAdopted = () => {}, timers, mustExist = false }) {
  const tabs = new Tabs({ name: tab, onNews: () => void keeper.look(), timers });
  const outbox = new Outbox({ mustExist });
  const keeper = new Keeper({
    outbox,
    tabs,
    person,
    onAdopted: (entries) => onAdopted(saver.adopt(entries)),
    // Another tab may have sent what one of ours had to wait for.
    onChange: () => (saver.pump(), onChange()),
    timers,
  });
  const saver = new Saver({ send: (sending) => send(sending, person), onChange, onBack, onSaved, keeper, timers });
  return { saver, keeper };
}

/** @throws {import("../api.js").Refused | Unreachable} */
async function send({ imageId, method, body, key }, person) {
  const saved = await call(method, labelUrl(imageId), { body, key, person });
  // A network that wants to be paid or agreed to first answers everything with a page of its own, and "200 OK".
  if (saved?.image !== imageId) throw new Unreachable(new Error("The answer is not from our server."));
  return saved;
}
