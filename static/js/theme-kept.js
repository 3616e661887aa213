// Somebody who is logged in has one theme on all machines: tell the server what the switch in the header was set to.
import { call } from "./api.js";

document.addEventListener("theme", (event) => {
  // Without the server the choice holds in this browser, and the next switch tells it again.
  call("PATCH", "/api/me/preferences/", { body: { theme: event.detail } }).catch(() => {});
});
