// Light or dark: as the person chose (the server says so in <html>), else as this browser remembers, else as the system is.
// A classic script in <head>, not a module: it must run before the first paint, or a dark page flashes white.
(function () {
  "use strict";
  const root = document.documentElement;
  const systemDark = matchMedia("(prefers-color-scheme: dark)");
  const known = ["light", "dark"];

  // Storage may be switched off altogether; then the theme follows the person or the system.
  function remembered() {
    try {
      return localStorage.getItem("theme");
    } catch (refused) {
      return null;
    }
  }

  function remember(theme) {
    try {
      if (known.includes(theme)) localStorage.setItem("theme", theme);
      else localStorage.removeItem("theme");
    } catch (refused) {
      root.dataset.themeRemembered = "no"; // the choice still holds on this page
    }
  }

  const chosen = root.dataset.personTheme;
  // Kept here too, so that the page after logging out looks the same.
  if (chosen) remember(chosen);
  else if (known.includes(remembered())) root.dataset.theme = remembered();

  document.addEventListener("click", function (event) {
    if (!(event.target instanceof Element) || !event.target.closest("[data-theme-switch]")) return;
    const now = root.dataset.theme || (systemDark.matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
    remember(root.dataset.theme);
    document.dispatchEvent(new CustomEvent("theme", { detail: root.dataset.theme })); // js/theme-kept.js tells the server
  });
})();
