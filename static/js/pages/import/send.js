// Send files to the REST API, with the share that has left this computer. Knows multipart and retries, not the page.

import { csrfToken, Refused, Unreachable } from "../../api.js";

const TRIES = 4;
const wait = (ms) => new Promise((resume) => setTimeout(resume, ms));

/**
 * @param {string} url
 * @param {FormData} form
 * @param {string} key Idempotency-Key: sent again, the same answer comes back
 * @param {(share: number) => void} progress from 0 to 1
 */
export async function send(url, form, key, progress) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await once(url, form, key, progress);
    } catch (problem) {
      const again = problem instanceof Unreachable || [429, 502, 503].includes(problem.status);
      if (!again || attempt === TRIES) throw problem;
      await wait(1000 * (problem.retryAfter || 2 ** attempt));
    }
  }
}

// XMLHttpRequest: fetch does not tell how much of a body has been sent.
function once(url, form, key, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("Idempotency-Key", key);
    request.upload.onprogress = (event) => progress(event.total ? event.loaded / event.total : 0);
    request.onerror = () => reject(new Unreachable(new Error("no answer")));
    request.onload = () => {
      const answer = parsed(request.responseText);
      if (request.status < 300) resolve(answer);
      else reject(new Refused(request.status, answer?.error ?? {}, Number(request.getResponseHeader("Retry-After")) || 0));
    };
    request.send(form);
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
