// Light or dark: follows the system until the person chooses; the choice is remembered in this browser.
// A classic script in <head>, not a module: it must run before the first paint, or a dark page flashes white.
(function () {
  "use strict";
  const root = document.documentElement;
  const systemDark = matchMedia("(prefers-color-scheme: dark)");

  function remembered() {
    // Storage may be switched off altogether; then the theme follows the system.
    try {
      return localStorage.getItem("theme");
    } catch (refused) {
      return null;
    }
  }

  const choice = remembered();
  if (choice === "light" || choice === "dark") root.dataset.theme = choice;

  document.addEventListener("click", function (event) {
    if (!(event.target instanceof Element) || !event.target.closest("[data-theme-switch]")) return;
    const now = root.dataset.theme || (systemDark.matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch (refused) {
      root.dataset.themeRemembered = "no"; // the choice still holds on this page
    }
  });
})();
