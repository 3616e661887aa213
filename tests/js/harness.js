// Run the tests of a module in the browser itself; tests/browser/test_javascript.py reports them to pytest.

const found = [];

/** @param {string} name one behaviour @param {() => void | Promise<void>} body */
export function test(name, body) {
  found.push({ name, body });
}

export function equal(actual, expected, about = "") {
  const [a, b] = [actual, expected].map((value) => JSON.stringify(value));
  if (a !== b) throw new Error(`${about ? `${about}: ` : ""}got ${a}, expected ${b}`);
}

/** Let everything that is already settled run on. */
export async function settled() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

/** A clock in our hands, for what waits: `pass` lets time go by and runs what is due, in order. */
export function clock() {
  let now = 0;
  let serial = 0;
  const alarms = new Map();
  return {
    timers: {
      set: (run, ms) => (alarms.set(++serial, { run, at: now + ms }), serial),
      clear: (id) => alarms.delete(id),
      random: () => 0,
    },
    now: () => now,
    async pass(ms) {
      const end = now + ms;
      for (;;) {
        const [id, next] = [...alarms].sort(([, a], [, b]) => a.at - b.at)[0] ?? [];
        if (!next || next.at > end) break;
        alarms.delete(id);
        now = next.at;
        next.run();
        await settled();
      }
      now = end;
    },
  };
}

/** @returns {Promise<{name: string, error: string | null}[]>} */
export async function results() {
  const outcome = [];
  for (const { name, body } of found) {
    try {
      await body();
      outcome.push({ name, error: null });
    } catch (error) {
      outcome.push({ name, error: `${error.stack || error}` });
    }
  }
  return outcome;
}
